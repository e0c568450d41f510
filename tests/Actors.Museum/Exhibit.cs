namespace Actors.Museum;

/// <summary>One known mistake: a patch against the shipped source with a head that says what it is, who made it, and what should catch it.</summary>
/// <param name="Name">The file's name without its ending.</param>
/// <param name="Path">The patch.</param>
/// <param name="Mistake">One sentence.</param>
/// <param name="SeenIn">The public system and issue; empty when the mistake is only known from papers.</param>
/// <param name="CaughtBy">The properties that should catch it.</param>
/// <param name="Protocol">Whose swarm is run; primary-backup unless the head says otherwise.</param>
internal sealed record Exhibit(string Name, string Path, string Mistake, string SeenIn, string CaughtBy, string Protocol)
{
    /// <summary>Reads the head of a patch: lines <c>Field: text</c>, further lines of a field indented, up to the first line of the diff.</summary>
    /// <exception cref="FormatException">A field is missing.</exception>
    public static Exhibit Read(string path)
    {
        var fields = new Dictionary<string, string>();
        var last = "";
        foreach (var line in File.ReadLines(path).TakeWhile(line => !line.StartsWith("diff ", StringComparison.Ordinal)))
        {
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (line.StartsWith(' ') && last.Length > 0)
                fields[last] += " " + line.Trim();
            else if (colon > 0)
                fields[last = line[..colon]] = line[(colon + 2)..].Trim();
        }

        return new Exhibit(System.IO.Path.GetFileNameWithoutExtension(path), path, Field("Mistake"), fields.GetValueOrDefault("Seen in", ""), Field("Caught by"),
            fields.GetValueOrDefault("Protocol", "primary-backup"));

        string Field(string name) => fields.GetValueOrDefault(name) ?? throw new FormatException($"{path}: its head lacks '{name}: '");
    }
}

/// <summary>What became of one sweep.</summary>
/// <param name="Property">The property that did not hold; null when all held.</param>
/// <param name="Seeds">Seeds run: the last one is that of the violation, if there was one.</param>
/// <param name="Seconds">CPU time of the sweep.</param>
/// <param name="Problem">Why there is no result: the patch does not apply, the build fails, the sweep took too long. Null otherwise.</param>
internal sealed record Finding(string? Property, long Seeds, double Seconds, string? Problem = null);
