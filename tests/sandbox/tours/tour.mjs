// A marketplace's day at the sandbox, by the official Node library alone: node tour.mjs ADDRESS
//
// It prints one line for each thing that happened, and ends with 0 if all of it was as it should be.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';

import Stripe from 'stripe';

const address = new URL(process.argv[2]);
const options = { host: address.hostname, port: address.port, protocol: 'http', maxNetworkRetries: 0 };
const stripe = new Stripe('sk_test_tour', options);
const AT_ONCE = { automatic_payment_methods: { enabled: true, allow_redirects: 'never' }, confirm: true };

// --- the webhook receiver: every signature is checked by the library -----------------------------------------

const received = [];
const secrets = {};
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  received.push(stripe.webhooks.constructEvent(body, request.headers['stripe-signature'], secrets[request.url]));
  response.end();
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');

async function listen(path, connect) {
  const url = `http://127.0.0.1:${receiver.address().port}${path}`;
  secrets[path] = (await stripe.webhookEndpoints.create({ url, enabled_events: ['*'], connect })).secret;
}

// --- what is not Stripe's: time, banks, and the pages that people click through -------------------------------

async function sandbox(path, body = {}) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(new URL(`/_sandbox/${path}`, address), {
    method: 'POST', headers, body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

async function press(page, outcome) {
  await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome }), redirect: 'manual' });
}

/** The newest event of this type, once everything that waits to be delivered was delivered. */
async function told(type) {
  await sandbox('deliveries/drain');
  const event = received.findLast((one) => one.type === type);
  assert.ok(event, `nobody was told of ${type}`);
  return event;
}

const step = (text) => console.log(text);

// --- the tour --------------------------------------------------------------------------------------------------

await listen('/platform', false);
await listen('/connect', true);

const paid = await stripe.paymentIntents.create({
  amount: 50_000, currency: 'usd', payment_method: 'pm_card_bypassPending', ...AT_ONCE,
});
assert.equal(paid.status, 'succeeded');
assert.equal((await told('payment_intent.succeeded')).data.object.id, paid.id);
step('deposit: succeeded');

const declined = await stripe.paymentIntents.create({
  amount: 5_000, currency: 'usd', payment_method: 'pm_card_visa_chargeDeclined', ...AT_ONCE,
}).catch((error) => error);
assert.ok(declined instanceof Stripe.errors.StripeCardError);
assert.equal((await told('payment_intent.payment_failed')).data.object.id, declined.payment_intent.id);
step(`decline: ${declined.statusCode} ${declined.code} ${declined.decline_code}`);

const asked = await stripe.paymentIntents.create({
  amount: 5_000, currency: 'usd', payment_method: 'pm_card_threeDSecure2Required', confirm: true,
  return_url: 'https://example.com/back',
});
step(`3DS: ${asked.status}`);
await press(asked.next_action.redirect_to_url.url, 'complete');
assert.equal((await told('payment_intent.succeeded')).data.object.id, asked.id);
step(`3DS: ${(await stripe.paymentIntents.retrieve(asked.id)).status}`);

const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 1_000 });
assert.equal((await told('charge.refunded')).data.object.amount_refunded, 1_000);
step(`refund: ${refund.status}`);

for (const evidence of ['winning_evidence', 'losing_evidence']) {
  const intent = await stripe.paymentIntents.create({
    amount: 20_000, currency: 'usd', payment_method: 'pm_card_createDispute', ...AT_ONCE,
  });
  await sandbox('clock/advance', { seconds: 60 });
  const [dispute] = (await stripe.disputes.list({ payment_intent: intent.id })).data;
  assert.equal((await told('charge.dispute.created')).data.object.id, dispute.id);
  await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: evidence }, submit: true });
  await sandbox('clock/advance', { seconds: 60 });
  const closed = (await told('charge.dispute.closed')).data.object;
  assert.equal(closed.id, dispute.id);
  step(`dispute: ${dispute.status}, ${closed.status}`);
}

const account = await stripe.accounts.create({
  type: 'express', capabilities: { transfers: { requested: true } },
  settings: { payouts: { schedule: { interval: 'manual' } } },
});
const link = await stripe.accountLinks.create({
  account: account.id, type: 'account_onboarding',
  refresh_url: 'https://example.com/again', return_url: 'https://example.com/back',
});
step(`onboarding: payouts ${account.payouts_enabled}`);
await press(link.url, 'complete');
assert.equal((await told('account.updated')).account, account.id);
step(`onboarding: payouts ${(await stripe.accounts.retrieve(account.id)).payouts_enabled}`);

const transfer = await stripe.transfers.create({ amount: 9_000, currency: 'usd', destination: account.id });
assert.equal((await told('transfer.created')).data.object.id, transfer.id);
const theirs = { stripeAccount: account.id };
const [available] = (await stripe.balance.retrieve({}, theirs)).available;
step(`transfer: ${available.amount} ${available.currency} available`);

async function payOut(amount) {
  const payout = await stripe.payouts.create({ amount, currency: 'usd' }, theirs);
  await sandbox('clock/advance', { seconds: 3 * 86_400 });
  const event = await told('payout.paid');
  assert.deepEqual([event.account, event.data.object.id], [account.id, payout.id]);
  return event.data.object;
}
step(`payout: ${(await payOut(4_000)).status}`);

const returned = await payOut(5_000);
await sandbox('dashboard/fail_payout', { payout: returned.id, code: 'account_closed' });
const failed = (await told('payout.failed')).data.object;
const [bank] = (await stripe.accounts.listExternalAccounts(account.id)).data;
step(`payout: ${returned.status}, then ${failed.status} (${failed.failure_code}); the bank is ${bank.status}`);

const body = JSON.stringify({ object: 'event' });
const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret: 'whsec_wrong' });
const forged = () => stripe.webhooks.constructEvent(body, header, secrets['/platform']);
assert.throws(forged, Stripe.errors.StripeSignatureVerificationError);
step('signatures: a forged one is refused');

const books = await (await fetch(new URL('/_sandbox/books', address))).json();
step(`books: ${books.balanced ? 'balanced' : JSON.stringify(books.differences)}`);
receiver.close();
receiver.closeAllConnections();
