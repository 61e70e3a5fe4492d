import type { EngineOptions } from 'switchover'
import type { RequestHandler, UpgradeHandler } from '../../src/engine/client/http1/handlers.js'
import { DataPlane } from '../../src/engine/data-plane.js'
import { ProxyEmitter } from '../../src/engine/events/proxy-emitter.js'

/** An engine with the members of `ProxyEngine`, for tests that look at its parts too. */
export class OpenEngine extends DataPlane {
  readonly handler: RequestHandler
  readonly upgrade: UpgradeHandler

  constructor(options: EngineOptions = {}) {
    super(options, new ProxyEmitter(options.onListenerError))
    const { handler, upgrade } = this.handlersFor(undefined)
    this.handler = handler
    this.upgrade = upgrade
  }
}
