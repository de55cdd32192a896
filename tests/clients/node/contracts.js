// The contracts as they stand in proto/, loaded without generated code, and channels to the services in them.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));

const definitions = protoLoader.loadSync(
  ['commands', 'queries', 'events'].map((name) => `cqrs/shop/v1/${name}.proto`)
    .concat('cqrs/admin/v1/queries.proto', 'cqrs/log/v1/log_service.proto', 'cqrs/log/v1/record.proto', 'google_rpc.proto'),
  { includeDirs: [`${ROOT}proto`, `${ROOT}third_party`, HERE], longs: BigInt, enums: String, defaults: true },
);

// Opens a channel to a service, by its full name, with the service config of the documentation.
export function connect(service, address) {
  const config = readFileSync(process.env.OBVERSE_SERVICE_CONFIG, 'utf8');
  const Client = grpc.makeClientConstructor(definitions[service], service);
  return new Client(address, grpc.credentials.createInsecure(), { 'grpc.service_config': config });
}

// Calls a unary RPC.
export function call(client, rpc, request) {
  return new Promise((resolve, reject) => {
    client[rpc](request, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

// Reads a message of a full name from its bytes.
export function decode(name, bytes) {
  return definitions[name].deserialize(bytes);
}
