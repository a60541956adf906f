namespace Orchestrator.Keeping;

/// <summary>The first byte of every message between an engine and its keeper; what follows is the record of the same name.</summary>
public enum MessageKind : byte
{
    /// <summary>Engine: this connection is for control. The keeper answers with <see cref="Welcome"/>, one <see cref="Kept"/> for each container, and <see cref="Listed"/>.</summary>
    Hello = 1,
    Welcome,

    /// <summary>Keeper: it holds this container, or is starting it.</summary>
    Kept,

    /// <summary>Keeper: that were all; from here on comes what happens.</summary>
    Listed,

    /// <summary>Engine: start a container. <see cref="Started"/> or <see cref="Failed"/> follows, and some time later <see cref="Ended"/>.</summary>
    Start,
    Started,
    Failed,
    Ended,

    /// <summary>Engine: this connection is for one container's streams. The answer is <see cref="Attached"/> or <see cref="Refused"/>.</summary>
    Attach,
    Attached,

    /// <summary>Keeper: what was asked cannot be done; the message says why.</summary>
    Refused,

    /// <summary>Attached client: bytes for the container's stdin or terminal.</summary>
    Input,

    /// <summary>Attached client: no more input, so that the container reads the end of its stdin.</summary>
    InputEnd,

    /// <summary>Keeper to an attached client: what the container says now.</summary>
    Output,
    Errors,

    /// <summary>Keeper to an attached client: it read too slowly, so that many bytes were passed over here.</summary>
    Gap,

    /// <summary>The size of a container's terminal, on either connection.</summary>
    Resize,

    /// <summary>Engine: become the program at this path, with everything that is held.</summary>
    Upgrade,
}
