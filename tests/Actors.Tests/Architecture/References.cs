using System.Reflection;
using System.Reflection.Emit;

namespace Actors.Tests.Architecture;

/// <summary>What the types of an assembly refer to: in their declarations and, read from the IL, in the bodies of their methods.</summary>
internal static class References
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodes =
        typeof(OpCodes).GetFields().Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => c.Value);

    /// <summary>Every member that the bodies of <paramref name="type"/> call, read, write or name.</summary>
    public static IEnumerable<MemberInfo> UsedBy(Type type) =>
        type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)).SelectMany(UsedIn);

    /// <summary>Every type that <paramref name="type"/> refers to, those in generic arguments included.</summary>
    public static IEnumerable<Type> TypesOf(Type type)
    {
        IEnumerable<Type?> types =
        [
            type.BaseType,
            .. type.GetInterfaces(),
            .. type.GetFields(Declared).Select(f => f.FieldType),
            .. type.GetMethods(Declared).SelectMany(Signature),
            .. type.GetConstructors(Declared).SelectMany(Signature),
            .. UsedBy(type).SelectMany(m => m switch
            {
                Type t => [t],
                MethodBase method => [method.DeclaringType, .. Signature(method), .. method.IsGenericMethod ? method.GetGenericArguments() : []],
                FieldInfo field => [field.DeclaringType, field.FieldType],
                _ => (Type?[])[m.DeclaringType],
            }),
        ];
        return types.OfType<Type>().SelectMany(Parts).Distinct();
    }

    private static IEnumerable<Type> Signature(MethodBase method) =>
        method.GetParameters().Select(p => p.ParameterType).Append(method is MethodInfo info ? info.ReturnType : typeof(void));

    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType)
            return Parts(type.GetElementType()!);
        return type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition()) : [type];
    }

    private static IEnumerable<MemberInfo> UsedIn(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            yield break;
        foreach (var local in body.LocalVariables)
            yield return local.LocalType;
        var il = body.GetILAsByteArray()!;
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < il.Length;)
        {
            var code = OpCodes[il[at] == 0xFE ? BitConverter.ToInt16([il[at + 1], il[at]]) : il[at]];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                yield return method.Module.ResolveMember(BitConverter.ToInt32(il, at), typeArguments, methodArguments)!;
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, at),
                _ => 4,
            };
        }
    }
}
