using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace Actors.Node.Commands;

/// <summary>An option that takes a number in a range and says so when it is given another.</summary>
internal static class NumberOption
{
    /// <param name="name">Its name, with the dashes.</param>
    /// <param name="description">What the help says of it.</param>
    /// <param name="otherwise">The value when it is left out; null for none.</param>
    /// <param name="min">The smallest number it takes.</param>
    /// <param name="max">The largest.</param>
    /// <param name="helpName">What the help calls the number.</param>
    public static Option<T?> Create<T>(string name, string description, T? otherwise, T min, T max, string helpName = "N") where T : struct, INumber<T> => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = otherwise is null ? null : _ => otherwise,
        CustomParser = given =>
        {
            if (T.TryParse(given.Tokens[0].Value, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
                return number;
            given.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} must be a number from {min} to {max}."));
            return otherwise;
        },
    };
}
