using Microsoft.AspNetCore.Http;

namespace Actors.Node.Http;

/// <summary>Bodies of bounded size.</summary>
internal static class RequestBody
{
    /// <summary>The whole body, refused with 413 before more than <paramref name="limit"/> bytes are held; <paramref name="name"/> is what the error calls it.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, int limit, string name)
    {
        if (request.ContentLength > limit)
            throw TooLarge($"{name} of {request.ContentLength} bytes");
        // One byte more than is allowed, or announced, shows a body that goes on.
        var buffer = new byte[(int)(request.ContentLength ?? limit) + 1];
        var count = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, request.HttpContext.RequestAborted);
        return count <= limit ? buffer.AsMemory(0, count) : throw TooLarge(name);

        ProblemException TooLarge(string what) => new(Problem.TooLarge($"{what} is over the limit of {limit} bytes"));
    }
}
