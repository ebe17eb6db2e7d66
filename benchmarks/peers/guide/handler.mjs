// The guide's webhook handler: Express, the official SDK's constructEvent, one database transaction that credits the
// wallet. In the guide the database is MongoDB; here it is the PostgreSQL that everybody has, through pg.
// DATABASE (JSON for pg) says which; WEBHOOK_SECRET signs the events.

import express from "express";
import pg from "pg";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_benchmark");
const pool = new pg.Pool({ ...JSON.parse(process.env.DATABASE), max: 20 });
const app = express();

app.post("/api/webhooks/stripe", express.raw({ type: "application/json" }), async (request, response) => {
  let event;
  try {
    event = stripe.webhooks.constructEvent(
      request.body,
      request.headers["stripe-signature"],
      process.env.WEBHOOK_SECRET,
    );
  } catch (error) {
    return response.status(400).send(`Webhook Error: ${error.message}`);
  }
  try {
    if (event.type === "payment_intent.succeeded") {
      await handlePaymentSucceeded(event.data.object);
    }
    response.json({ received: true });
  } catch (error) {
    console.error(error);
    response.status(500).json({ error: "Webhook processing failed" });
  }
});

async function handlePaymentSucceeded(intent) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // A delivery that comes twice finds the transaction completed.
    const found = await client.query({
      name: "complete",
      text: `UPDATE transactions SET status = 'completed', stripe_charge_id = $2, completed_at = now()
             WHERE stripe_payment_intent_id = $1 AND status = 'pending' RETURNING wallet_id, amount_minor`,
      values: [intent.id, intent.latest_charge],
    });
    if (found.rowCount === 1) {
      await client.query({
        name: "credit",
        text: "UPDATE wallets SET balance_minor = balance_minor + $2, updated_at = now() WHERE id = $1",
        values: [found.rows[0].wallet_id, found.rows[0].amount_minor],
      });
    }
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const server = app.listen(0, "127.0.0.1", () => {
  console.log(`listening on port ${server.address().port}`);
});
