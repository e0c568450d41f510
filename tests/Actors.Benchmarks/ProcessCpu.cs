using System.Globalization;

namespace Actors.Benchmarks;

/// <summary>What the kernel counts for a process.</summary>
internal static class ProcessCpu
{
    private const double TicksPerSecond = 100; // USER_HZ: the kernel shows 100 to programs whatever its own rate is

    /// <summary>CPU seconds so far, user and system, with those of children it has waited for; resolution 10 ms.</summary>
    /// <remarks>proc(5), /proc/PID/stat: fields 14 to 17; the name in field 2 may hold blanks, so counting begins after it.</remarks>
    /// <exception cref="BenchmarkException">There is no such process.</exception>
    public static double Seconds(int pid)
    {
        var stat = Read(pid, "stat");
        return SumOfTicks(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[11..15]);
    }

    /// <summary>CPU seconds so far of all programs and the kernel, and those that the machine's own host took away.</summary>
    /// <remarks>proc(5), first line of /proc/stat: cpu user nice system idle iowait irq softirq steal.</remarks>
    public static double MachineSeconds()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return SumOfTicks([.. fields[1..4], .. fields[6..9]]);
    }

    /// <summary>Resident memory in bytes; /proc/PID/statm, second field.</summary>
    /// <exception cref="BenchmarkException">There is no such process.</exception>
    public static long ResidentBytes(int pid) => long.Parse(Read(pid, "statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    private static double SumOfTicks(string[] ticks) => ticks.Sum(t => long.Parse(t, CultureInfo.InvariantCulture)) / TicksPerSecond;

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (IOException)
        {
            throw new BenchmarkException($"process {pid} died while it was measured");
        }
    }
}
