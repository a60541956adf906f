using Orchestrator.Cli;
using Orchestrator.Transport;

return await new Shell(Streams.OfProcess(), path =>
{
    var context = AdminContext.Load(AdminContext.Find(path));
    return new ServerChannel(context.Servers, context.ToCredentials());
}).RunAsync(args);
