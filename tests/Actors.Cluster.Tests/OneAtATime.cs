// Every test has three processes of its own to feed: together they would only time each other out.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
