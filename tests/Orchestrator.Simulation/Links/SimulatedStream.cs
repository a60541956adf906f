namespace Orchestrator.Simulation.Links;

/// <summary>A connection: what is sent arrives in order and once, or not at all. While the way is cut it waits; when the connection breaks, what was on
/// its way is lost. An end that is not reached does not learn that the other one closed.</summary>
internal sealed class SimulatedStream
{
    private readonly SimulatedNetwork _network;
    private readonly Way _up, _down;
    private bool _open = true;

    public SimulatedStream(SimulatedNetwork network, IReadOnlyList<string> hops)
    {
        _network = network;
        (_up, _down) = (new(hops), new([.. hops.Reverse()]));
    }

    /// <summary>Called at most once, at the end that is told that the stream ended.</summary>
    public Action? ClientTold { get; set; }

    /// <inheritdoc cref="ClientTold"/>
    public Action? ServerTold { get; set; }

    public bool Passes(string machine) => _up.Hops.Contains(machine);

    public void SendUp(Action deliver) => Send(_up, deliver);

    public void SendDown(Action deliver) => Send(_down, deliver);

    /// <summary>The client's process ended or gave up.</summary>
    public void CloseByClient() => Close(_up, () => ServerTold);

    /// <summary>The server's process ended or gave up.</summary>
    public void CloseByServer() => Close(_down, () => ClientTold);

    /// <summary>Reset in the middle: both ends are told if they can be reached.</summary>
    public void Break()
    {
        CloseByClient();
        _network.Send(_down.Hops, () => ClientTold?.Invoke());
    }

    public void Pump()
    {
        Pump(_up);
        Pump(_down);
    }

    private void Close(Way way, Func<Action?> told)
    {
        if (!_open)
            return;
        _open = false;
        _network.Forget(this);
        _network.Send(way.Hops, () => told()?.Invoke());
    }

    private void Send(Way way, Action deliver)
    {
        if (!_open)
            return;
        way.Waiting.Enqueue(deliver);
        Pump(way);
    }

    private void Pump(Way way)
    {
        if (way.IsMoving || way.Waiting.Count == 0 || !_open || !_network.Reaches(way.Hops))
            return;
        way.IsMoving = true;
        _network.Time.After(_network.Latency(way.Hops), () => Arrive(way));
    }

    private void Arrive(Way way)
    {
        way.IsMoving = false;
        if (!_network.Reaches(way.Hops))
            return;
        for (var left = way.Waiting.Count; left > 0 && _open; left--)
            way.Waiting.Dequeue()();
        Pump(way);
    }

    private sealed record Way(IReadOnlyList<string> Hops)
    {
        public Queue<Action> Waiting { get; } = new();
        public bool IsMoving { get; set; }
    }
}
