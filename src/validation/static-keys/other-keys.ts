import { flag, keysOf, later, path } from './static-key.js'

/** The keys of Traefik that this proxy does not support, or does not need. */
export const OTHER_KEYS = keysOf(
  'Other keys of Traefik',
  { reload: 'restart' },
  {
    tracing: later('table', 'Sends traces to a tracing service.'),
    cluster: later('table', 'The cluster mode of several instances.'),
    acme: later('table', "Gets certificates from an ACME service such as Let's Encrypt."),
    checkNewVersion: flag('nothing', 'The proxy never looks for new versions.'),
    sendAnonymousUsage: flag('nothing', 'The proxy never sends usage data.'),
    configFile: path(
      'nothing: it is the flag that says which file is read',
      'The path of this file. It has an effect as a flag or a variable only.',
    ),
    boltdb: later('table', 'A provider: BoltDB.'),
    consulCatalog: later('table', 'A provider: the service catalog of Consul.'),
    docker: later('table', 'A provider: Docker.'),
    dynamodb: later('table', 'A provider: Amazon DynamoDB.'),
    ecs: later('table', 'A provider: Amazon ECS.'),
    eureka: later('table', 'A provider: Eureka.'),
    kubernetes: later('table', 'A provider: Kubernetes.'),
    marathon: later('table', 'A provider: Marathon.'),
    mesos: later('table', 'A provider: Mesos.'),
    rancher: later('table', 'A provider: Rancher.'),
    rest: later('table', 'A provider: documents by `PUT`.'),
    serviceFabric: later('table', 'A provider: Azure Service Fabric.'),
    zookeeper: later('table', 'A provider: ZooKeeper.'),
  },
)
