using Actors.Node.Commands;

return await Cli.RunAsync(Terminal.OfProcess(), args);
