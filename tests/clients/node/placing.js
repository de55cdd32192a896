// Asynchronous commands, followed to their end.
import assert from 'node:assert/strict';

import { call } from './contracts.js';

export class Placing {
  #commands;
  #queries;
  #ended;

  constructor(commands, queries, ended) {
    this.#commands = commands;
    this.#queries = queries;
    this.#ended = ended;
  }

  // Places an order and reads it once the command has succeeded; returns the token of that.
  async order(customer, items) {
    const request = {
      context: { commandId: `place-${customer}` },
      orderId: `order-${customer}`,
      userId: customer,
      customerEmail: 'ada@example.com',
      payment: { token: 'tok_ok' },
      items,
    };
    const { receipt: accepted } = await call(this.#commands, 'PlaceOrder', request);
    const { state, receipt } = await this.#followed(accepted);
    assert.equal(state, 'COMMAND_STATE_SUCCEEDED');
    assert.equal(receipt.version, 1n);
    const again = await call(this.#commands, 'PlaceOrder', request);
    assert.equal(again.receipt.state, 'COMMAND_STATE_SUCCEEDED');
    assert.equal(again.receipt.replayed, true);
    const consistency = { atLeastToken: receipt.token };
    const { order } = await call(this.#queries, 'GetOrder', { consistency, orderId: request.orderId });
    assert.equal(order.fulfilment, 'FULFILMENT_SAGA');
    assert.ok(order.createPosition <= receipt.token.position);
    return receipt.token;
  }

  // Sends a command that is accepted and then refused: nobody fulfils an order that was not placed.
  async refused(orderId) {
    const { receipt: accepted } = await call(this.#commands, 'ConfirmOrder', { orderId });
    const { state, refusal } = await this.#followed(accepted);
    assert.equal(state, 'COMMAND_STATE_REFUSED');
    const { code, domain, reason } = refusal;
    assert.deepEqual({ code, domain, reason }, {
      code: 'FAILED_PRECONDITION', domain: 'cqrs.shop.v1', reason: 'WRONG_MOMENT',
    });
  }

  // Watches an accepted command until the stream ends with its final state.
  async #followed({ state, channel, commandId, token }) {
    assert.equal(state, 'COMMAND_STATE_ACCEPTED');
    assert.equal(channel, 'orders');
    let last;
    for await (const { command } of this.#ended.WatchCommand({ consistency: { atLeastToken: token }, commandId })) {
      last = command;
    }
    return last;
  }
}
