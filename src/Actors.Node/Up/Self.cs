using System.Diagnostics;

namespace Actors.Node.Up;

/// <summary>How this program was started, so that it can be started again.</summary>
internal static class Self
{
    /// <summary>A start of this program with <paramref name="arguments"/>.</summary>
    public static ProcessStartInfo With(params string[] arguments)
    {
        var program = Environment.ProcessPath!;
        string[] dll = IsProgram(program) ? [] : ["exec", typeof(Self).Assembly.Location];
        return new ProcessStartInfo(program, [.. dll, .. arguments]) { UseShellExecute = false };
    }

    /// <summary>What a user types to run a command of this program, as far as can be told: the name of the installed tool, or the way from the source.</summary>
    public static string Invocation => NameOf(Environment.ProcessPath!) switch
    {
        "actors" => "actors",
        _ when File.Exists("src/Actors.Node/Actors.Node.csproj") => "dotnet run --project src/Actors.Node --",
        _ => IsProgram(Environment.ProcessPath!) ? Environment.ProcessPath! : $"dotnet {typeof(Self).Assembly.Location}",
    };

    /// <summary>False when the running file is a general one, such as <c>dotnet</c>, that was given our assembly.</summary>
    private static bool IsProgram(string path) => NameOf(path) is "actors" or "Actors.Node";

    // Not Path.GetFileNameWithoutExtension: it would take .Node for an extension.
    private static string NameOf(string path) => Path.GetFileName(path).Replace(".exe", "", StringComparison.Ordinal);
}
