using Akka.Configuration;

namespace Actors.Hosting.Configuration;

/// <summary>Checks the form of one HOCON text and says in which line it is wrong.</summary>
/// <remarks>
/// Akka's parser, which reads the values afterwards, names no line and lets most mistakes pass: it takes an unclosed brace, drops what follows a
/// stray one, reads a key without a value as an empty setting, and ends the process by a stack overflow on <c>${?x}</c> and on a substitution that
/// leads back to itself. What passes here is read by it as written. A value must begin on the line of its key, and a key is set once per file.
/// </remarks>
internal sealed class HoconSyntax
{
    private const int MaxDepth = 64;
    private const string NotInText = "$\"{}[]:=,#`^?!@*&\\";
    private const string Escapes = "\"\\/bfnrtu";

    private readonly string _file;
    private readonly string _text;
    private readonly List<(string Path, int Line)> _includes = [];
    private readonly List<(string Path, string Target, int Line)> _substitutions = [];
    private readonly Dictionary<string, int> _set = [];    // the line in which each setting got its value
    private int _at;
    private int _line = 1;
    private int _depth;

    private HoconSyntax(string file, string text)
    {
        _file = file;
        _text = text;
    }

    /// <summary>The files that <paramref name="text"/> includes, with the lines that do so.</summary>
    /// <exception cref="ConfigurationException">The text is wrong; the message begins with the file and the line.</exception>
    public static IReadOnlyList<(string Path, int Line)> Check(string file, string text)
    {
        var check = new HoconSyntax(file, text);
        check.Members("", openedIn: 0);
        check.RefuseCycles();
        return check._includes;
    }

    public static ConfigurationException Fault(string file, int line, string what) => new($"{file}:{line}: {what}");

    private void Members(string path, int openedIn)
    {
        while (true)
        {
            SkipBlank();
            if (AtEnd && openedIn > 0)
                throw Fault(_file, openedIn, "'{' is never closed");
            if (AtEnd)
                return;
            if (Peek == '}' && openedIn == 0)
                throw Fault("'}' closes nothing");
            if (TryTake('}'))
                return;
            Member(path);
        }
    }

    private void Member(string path)
    {
        var line = _line;
        var key = Key();
        SkipSpaces();
        if (key == "include")
        {
            if (Peek != '"')
                throw Fault("include takes a file name in quotes, such as include \"base.conf\"");
            _includes.Add((Quoted(), line));
            EndOfMember(key);
            return;
        }

        path = path.Length == 0 ? key : path + "." + key;
        SkipBlank();
        if (Peek == '{')
        {
            Object(path);
            EndOfMember(path);
            return;
        }

        if (Matches("+="))
            throw Fault("'+=' is not supported: write the whole list");
        if (!TryTake('=') && !TryTake(':'))
            throw Fault(_file, line, $"'{path}' has no value: write {path} = ... or {path} {{ ... }}");
        Value(path, line);
        SkipSpaces();
        if (!TryTake(','))
            EndOfMember(path);
    }

    /// <summary>A member ends with its line, or where the block around it ends: what else follows, Akka's parser would drop or append.</summary>
    private void EndOfMember(string what)
    {
        SkipSpaces();
        if (!AtLineEnd && Peek != '}')
            throw Fault($"expected the end of the line after {what}, found '{Peek}'");
    }

    private string Key()
    {
        var parts = new List<string>();
        do
        {
            if (Peek == '"')
            {
                parts.Add('"' + Quoted() + '"');
                continue;
            }

            var start = _at;
            while (!AtLineEnd && !char.IsWhiteSpace(Peek) && Peek is not ('.' or '+') && !NotInText.Contains(Peek))
                Take();
            if (_at == start)
                throw Fault(AtEnd ? "expected a key, found the end of the file" : $"expected a key, found '{Peek}'");
            parts.Add(_text[start.._at]);
        }
        while (TryTake('.'));
        return string.Join('.', parts);
    }

    private void Value(string path, int line)
    {
        SkipSpaces();
        if (AtLineEnd)
            throw Fault(_file, line, $"'{path}' has no value in this line");
        if (Peek == '{')
        {
            Object(path);
            return;
        }

        if (!_set.TryAdd(path, line))
            throw Fault(_file, line, $"'{path}' is set twice, first in line {_set[path]}");
        if (Peek == '[')
        {
            Array(path);
            return;
        }

        var start = _at;
        while (!AtLineEnd && Peek is not (',' or '}' or ']'))
            TextPiece(path);
        if (_at == start)
            throw Fault(_file, line, $"'{path}' has no value: found '{Peek}'");
    }

    private void TextPiece(string path)
    {
        if (Matches("\"\"\""))
            TripleQuoted();
        else if (Peek == '"')
            Quoted();
        else if (Peek == '$')
            Substitution(path);
        else if (NotInText.Contains(Peek))
            throw Fault($"'{Peek}' must stand in quotes: write {path} = \"...\"");
        else
            Take();
    }

    private void Object(string path)
    {
        var openedIn = _line;
        Take();
        Deeper();
        Members(path, openedIn);
        _depth--;
    }

    private void Array(string path)
    {
        var openedIn = _line;
        Take();
        Deeper();
        for (var i = 0; ; i++)
        {
            SkipBlank();
            if (AtEnd)
                throw Fault(_file, openedIn, "'[' is never closed");
            if (TryTake(']'))
                break;
            Value($"{path}[{i}]", _line);
            SkipSpaces();
            TryTake(',');
        }

        _depth--;
    }

    private void Deeper()
    {
        if (++_depth > MaxDepth)
            throw Fault($"more than {MaxDepth} blocks within each other");
    }

    private string Quoted()
    {
        Take();
        var start = _at;
        while (Peek != '"')
        {
            if (AtEnd || Peek == '\n')
                throw Fault("'\"' is not closed in this line");
            if (TryTake('\\') && !Escapes.Contains(Peek))
                throw Fault($"'\\{Peek}' is no escape sequence: write \\\\ for a backslash");
            Take();
        }

        var content = _text[start.._at];
        Take();
        return content;
    }

    private void TripleQuoted()
    {
        var openedIn = _line;
        Take(3);
        while (!Matches("\"\"\""))
        {
            if (AtEnd)
                throw Fault(_file, openedIn, "'\"\"\"' is never closed");
            Take();
        }

        Take(3);
    }

    private void Substitution(string path)
    {
        if (Matches("${?"))
            throw Fault("'${?...}' is not supported: write the value");
        var end = _text.IndexOf('}', _at);
        if (!Matches("${") || end < 0 || _text.AsSpan(_at, end - _at).Contains('\n'))
            throw Fault("'$' begins a substitution, such as ${actors.node}; elsewhere it must stand in quotes");
        _substitutions.Add((path, _text[(_at + 2)..end].Trim(), _line));
        Take(end + 1 - _at);
    }

    /// <summary>A value that contains itself, directly or by other substitutions of this file.</summary>
    private void RefuseCycles()
    {
        foreach (var start in _substitutions)
        {
            var reached = new HashSet<string> { start.Target };
            var next = new Queue<string>(reached);
            while (next.TryDequeue(out var target))
            {
                if (Overlap(start.Path, target))
                    throw Fault(_file, start.Line, $"'{start.Path}' leads back to itself by ${{{start.Target}}}");
                foreach (var step in _substitutions.Where(s => Overlap(s.Path, target) && reached.Add(s.Target)))
                    next.Enqueue(step.Target);
            }
        }

        static bool Overlap(string a, string b) => a == b || a.StartsWith(b + ".", StringComparison.Ordinal) || b.StartsWith(a + ".", StringComparison.Ordinal);
    }

    private bool AtEnd => _at >= _text.Length;

    private bool AtLineEnd => AtEnd || Peek is '\n' or '\r' or '#' || Matches("//");

    private char Peek => AtEnd ? '\0' : _text[_at];

    private bool Matches(string what) => string.CompareOrdinal(_text, _at, what, 0, what.Length) == 0;

    private void Take(int count = 1)
    {
        for (; count > 0 && !AtEnd; count--)
        {
            if (_text[_at++] == '\n')
                _line++;
        }
    }

    private bool TryTake(char c)
    {
        if (Peek != c)
            return false;
        Take();
        return true;
    }

    private void SkipSpaces()
    {
        while (!AtEnd && Peek != '\n' && char.IsWhiteSpace(Peek))
            Take();
    }

    private void SkipBlank()
    {
        while (true)
        {
            SkipSpaces();
            if (AtEnd || !AtLineEnd)
                return;
            while (!AtEnd && Peek != '\n')
                Take();
            Take();
        }
    }

    private ConfigurationException Fault(string what) => Fault(_file, _line, what);
}
