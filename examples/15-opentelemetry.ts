/**
 * Turns what the proxy says of each request on `node:diagnostics_channel` into spans of OpenTelemetry: one for the request,
 * one for each time it was sent to a server. Attributes are named by the semantic conventions for HTTP. Here the spans are
 * printed; give the provider an exporter of yours instead.
 *
 *     npx tsx examples/15-opentelemetry.ts
 */
import { context, propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createProxy } from 'switchover'
import { NamedServer } from './demo/named-server.js'
import { traceRequests } from './opentelemetry/trace-requests.js'

const exporter = new InMemorySpanExporter()
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
)
propagation.setGlobalPropagator(new W3CTraceContextPropagator()) // spans are part of their client's trace
const stop = traceRequests(trace.getTracer('switchover'), context)

const server = await NamedServer.start('blue')
const proxy = createProxy({
  config: {
    frontends: { web: { backend: 'web', rule: 'PathPrefix:/' } },
    backends: { web: { servers: { gone: { url: 'http://127.0.0.1:1' }, blue: { url: server.url } } } },
  },
})
const { url } = await proxy.listen({ port: 0, host: '127.0.0.1' })
await proxy.ready()
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
await (await fetch(`${url}/hello`, { headers: { traceparent } })).text()
await proxy.close()

for (const span of exporter.getFinishedSpans())
  console.log(span.spanContext().traceId, span.name, JSON.stringify(span.attributes))
stop()
await server.close()
