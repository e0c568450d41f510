using Actors.Sample;

var folder = Directory.CreateTempSubdirectory("actors-sample-").FullName;
try
{
    await Story.TellAsync(new SortedDictionary<string, int> { ["n1"] = 4061, ["n2"] = 4062, ["n3"] = 4063 }, folder, Console.Out);
}
finally
{
    Directory.Delete(folder, recursive: true);
}
