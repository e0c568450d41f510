using System.Collections.Immutable;
using Akka.Configuration;
using Akka.Configuration.Hocon;

namespace Actors.Hosting.Configuration;

/// <summary>Reads HOCON files, with the files that they include.</summary>
public static class ConfigFile
{
    /// <summary>Reads the file at <paramref name="path"/>. A line <c>include "other.conf"</c> takes in another file, sought beside the including one.</summary>
    /// <exception cref="ConfigurationException">
    /// A file is not there, cannot be read or does not parse. The message is one line that begins with the file and, if there is one, the line: <c>config/n1.conf:7: '{' is never closed</c>.
    /// </exception>
    public static Config Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new ConfigurationException($"{path}: no such file");
        return new Config(Read(path, [path]));
    }

    private static HoconRoot Read(string path, ImmutableList<string> trail)
    {
        var text = Text(path);
        foreach (var (name, line) in HoconSyntax.Check(path, text))
        {
            var included = Beside(path, name);
            if (!File.Exists(included))
                throw HoconSyntax.Fault(path, line, $"included file {included} does not exist");
            if (trail.Contains(included))
                throw HoconSyntax.Fault(path, line, $"{included} includes itself: {string.Join(" includes ", trail.Add(included))}");
        }

        try
        {
            return Parser.Parse(text, name => Read(Beside(path, name), trail.Add(Beside(path, name))));
        }
        catch (Exception e) when (e is FormatException or NotSupportedException)
        {
            throw new ConfigurationException($"{path}: {e.Message.Split('\n')[0]}", e);
        }
    }

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static string Beside(string path, string name) => Path.Combine(Path.GetDirectoryName(path) ?? "", name);
}
