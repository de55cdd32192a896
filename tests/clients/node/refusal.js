// What a google.rpc.Status says: its code, ErrorInfo's domain and reason, the fields of BadRequest by name.
import assert from 'node:assert/strict';

import grpc from '@grpc/grpc-js';

import { decode } from './contracts.js';

// Awaits a call that must be refused.
export async function refusalOf(called) {
  const error = await called.then(() => assert.fail('the call was not refused'), (refused) => refused);
  const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
  assert.ok(details, `a google.rpc.Status with ${error}`);
  assert.equal(error.metadata.get('obverse-message-id').length, 1);
  const found = { code: grpc.status[error.code], domain: '', reason: '', fields: [] };
  for (const detail of decode('google.rpc.Status', details).details) {
    const type = detail.type_url.split('/').at(-1);
    if (type === 'google.rpc.ErrorInfo') {
      const { domain, reason } = decode(type, detail.value);
      Object.assign(found, { domain, reason });
    } else if (type === 'google.rpc.BadRequest') {
      found.fields = decode(type, detail.value).fieldViolations.map(({ field }) => field).sort();
    }
  }
  return found;
}
