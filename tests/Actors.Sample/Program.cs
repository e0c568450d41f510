using System.Globalization;
using Actors.Sample;

// The port of the first node may be given; those of the others follow.
var port = args is [var first] ? int.Parse(first, CultureInfo.InvariantCulture) : 4061;
var folder = Directory.CreateTempSubdirectory("actors-sample-").FullName;
try
{
    await Story.TellAsync(new SortedDictionary<string, int> { ["n1"] = port, ["n2"] = port + 1, ["n3"] = port + 2 }, folder, Console.Out);
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// The application did what it should. Akka.Hosting has set an exit code already: to it the node that was killed is an application that failed.
return 0;
