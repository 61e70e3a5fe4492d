export type {
  Backend,
  Frontend,
  LoadBalancer,
  ProviderConfig,
  Route,
  RuleSpec,
  Server,
} from './model/config.js'
