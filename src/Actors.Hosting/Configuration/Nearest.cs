namespace Actors.Hosting.Configuration;

/// <summary>Finds the word that a mistyped one was probably meant to be.</summary>
internal static class Nearest
{
    /// <summary>The known word with the fewest edits from <paramref name="word"/>, or null when it would take more than a third of its letters (at least two).</summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        var limit = Math.Max(2, word.Length / 3);
        return known
            .Select(k => (Word: k, Edits: Edits(word, k)))
            .Where(k => k.Edits <= limit && k.Edits < k.Word.Length)
            .OrderBy(k => k.Edits)
            .ThenBy(k => k.Word, StringComparer.Ordinal)
            .Select(k => k.Word)
            .FirstOrDefault();
    }

    /// <summary>Letters to insert, delete, replace or swap with their neighbour to turn one word into the other (optimal string alignment distance).</summary>
    public static int Edits(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
