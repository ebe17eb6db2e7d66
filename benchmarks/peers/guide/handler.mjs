// The guide's webhook handler: Express, the official SDK's constructEvent, one database transaction that credits the
// wallet. In the guide the database is MongoDB; here it is the PostgreSQL that everybody has, through pg.
// DATABASE (JSON for pg) says which; WEBHOOK_SECRET signs the events.

import express from "express";
import pg from "pg";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_benchmark");
const pool = new pg.Pool(JSON.parse(process.env.DATABASE));
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

// As the guide does it: find the transaction of the payment, complete it, credit its wallet, tell its owner. All in one
// database transaction, which the guide has not; without it a crash between the steps would lose money.
async function handlePaymentSucceeded(intent) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const found = await client.query(
      "SELECT id, wallet_id, amount_minor, status FROM transactions WHERE stripe_payment_intent_id = $1 FOR UPDATE",
      [intent.id],
    );
    const transaction = found.rows[0];
    // A delivery that comes twice finds it completed.
    if (transaction !== undefined && transaction.status !== "completed") {
      await client.query(
        "UPDATE transactions SET status = 'completed', stripe_charge_id = $2, completed_at = now() WHERE id = $1",
        [transaction.id, intent.latest_charge],
      );
      const credited = await client.query(
        "UPDATE wallets SET balance_minor = balance_minor + $2, updated_at = now() WHERE id = $1 RETURNING user_id",
        [transaction.wallet_id, transaction.amount_minor],
      );
      await client.query(
        "INSERT INTO notifications (user_id, type, title, message) VALUES ($1, $2, $3, $4)",
        [
          credited.rows[0].user_id,
          "payment_received",
          "Deposit successful",
          `$${(transaction.amount_minor / 100).toFixed(2)} has been added to your wallet.`,
        ],
      );
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
