"""Stripe's own Python library against the sandbox. What it accepts, raises and verifies is the
judge; nothing here knows how the sandbox is made.

usage: stripe_official.py API_BASE KEY WEBHOOK_SECRET CAUGHT_URL CONTROL_BASE CONNECTION
"""

import json
import sys
import time
import urllib.parse
import urllib.request

import stripe

API, KEY, SECRET, CAUGHT, CONTROL, CONNECTION = sys.argv[1:7]
client = stripe.StripeClient(KEY, base_addresses={"api": API}, max_network_retries=0)
v1 = client.v1


def expect(kind, call):
    try:
        call()
    except kind as e:
        return e
    raise AssertionError(f"expected {kind.__name__}")


def control(path, body):
    request = urllib.request.Request(f"{CONTROL}{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def caught(wanted):
    """Deliveries for which `wanted(event)` holds; waits until there is one."""
    for _ in range(400):
        rows = json.load(urllib.request.urlopen(CAUGHT))
        found = [r for r in rows if wanted(json.loads(r["body"]))]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("no such webhook came")


def done(what):
    print("ok:", what, flush=True)


# Keys
bad = stripe.StripeClient("sk_test_wrong", base_addresses={"api": API})
assert expect(stripe.AuthenticationError, lambda: bad.v1.balance.retrieve()).request_id.startswith("req_")
assert v1.balance.retrieve().object == "balance"
done("authentication")

# Customers and payment methods
customer = v1.customers.create({"email": "ann@example.com", "name": "Ann", "metadata": {"client": "cli_1"}})
method = v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
assert method.customer == customer.id and method.card.last4 == "4242" and method.card.fingerprint
assert [m.id for m in v1.payment_methods.list({"customer": customer.id, "type": "card"}).data] == [method.id]
assert v1.customers.search({"query": "metadata['client']:'cli_1'"}).data[0].id == customer.id
assert json.loads(str(v1.customers.update(customer.id, {"metadata": {"client": ""}}).metadata)) == {}
done("customers and payment methods")

# Payment intents
intent = v1.payment_intents.create(
    {"amount": 12345, "currency": "eur", "customer": customer.id, "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, "metadata": {"deposit": "dep_1"}}
)
assert intent.status == "requires_payment_method" and intent.client_secret.startswith(intent.id)
intent = v1.payment_intents.confirm(intent.id, {"payment_method": method.id, "off_session": True, "expand": ["latest_charge.balance_transaction"]})
assert intent.status == "succeeded" and intent.amount_received == 12345
line = intent.latest_charge.balance_transaction
assert line.net == line.amount - line.fee == 12345 - 198
e = expect(stripe.CardError, lambda: v1.payment_intents.create({"amount": 5000, "currency": "eur", "confirm": True, "payment_method": "pm_card_chargeDeclinedInsufficientFunds"}))
assert (e.code, e.error.decline_code, e.error.payment_intent.status) == ("card_declined", "insufficient_funds", "requires_payment_method"), e
e = expect(stripe.InvalidRequestError, lambda: v1.payment_intents.create({"amount": 5000, "currency": "eur", "colour": "red"}))
assert (e.code, e.param, e.http_status) == ("parameter_unknown", "colour", 400)
assert expect(stripe.InvalidRequestError, lambda: v1.payment_intents.retrieve("pi_none")).http_status == 404
same = {"idempotency_key": "official-1"}
one = v1.payment_intents.create({"amount": 700, "currency": "eur"}, same)
assert v1.payment_intents.create({"amount": 700, "currency": "eur"}, same).id == one.id
expect(stripe.IdempotencyError, lambda: v1.payment_intents.create({"amount": 701, "currency": "eur"}, same))
assert v1.payment_intents.cancel(one.id, {"cancellation_reason": "abandoned"}).status == "canceled"
ask = v1.payment_intents.create({"amount": 900, "currency": "eur", "confirm": True, "payment_method": "pm_card_authenticationRequired", "return_url": "https://example.com/back"})
assert ask.status == "requires_action" and ask.next_action.redirect_to_url.url.startswith("http")
seen = [p.id for p in v1.payment_intents.list({"limit": 2}).auto_paging_iter()]
assert len(seen) == len(set(seen)) == 4 and seen[0] == ask.id
done("payment intents")

# Checkout
session = v1.checkout.sessions.create(
    {
        "mode": "payment",
        "success_url": "https://example.com/done?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://example.com/no",
        "client_reference_id": "dep_2",
        "customer_email": "bob@example.com",
        "line_items": [{"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 2500, "product_data": {"name": "Deposit"}}}],
        "payment_intent_data": {"metadata": {"deposit": "dep_2"}},
        "metadata": {"deposit": "dep_2"},
        "expires_at": int(time.time()) + 3600,
    }
)
assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 5000)


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


try:
    urllib.request.build_opener(Stay).open(session.url + "/pay", urllib.parse.urlencode({"card": "4242424242424242"}).encode())
    raise AssertionError("expected a redirect")
except urllib.error.HTTPError as redirect:
    assert redirect.code == 303 and redirect.headers["location"] == f"https://example.com/done?s={session.id}"
session = v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
assert (session.status, session.payment_status, session.payment_intent.metadata["deposit"]) == ("complete", "paid", "dep_2")
assert session.customer_details.email == "bob@example.com"
assert v1.checkout.sessions.line_items.list(session.id).data[0].quantity == 2
done("checkout")

# Refunds
refund = v1.refunds.create({"payment_intent": intent.id, "amount": 2345, "metadata": {"withdrawal": "wdr_1"}})
assert (refund.status, refund.charge) == ("succeeded", intent.latest_charge.id)
e = expect(stripe.InvalidRequestError, lambda: v1.refunds.create({"payment_intent": intent.id, "amount": 10001}))
assert e.param == "amount"
assert v1.refunds.create({"charge": intent.latest_charge.id}).amount == 10000
assert expect(stripe.InvalidRequestError, lambda: v1.refunds.create({"payment_intent": intent.id})).code == "charge_already_refunded"
assert sum(r.amount for r in v1.refunds.list({"payment_intent": intent.id}).data) == 12345
failed = control(f"/stripe/{CONNECTION}/refund/{refund.id}/fail", {})
assert v1.refunds.retrieve(refund.id).failure_reason and failed["status"] == "failed"
done("refunds")

# Disputes
control(f"/stripe/{CONNECTION}/dispute", {"payment_intent": session.payment_intent.id})
dispute = v1.disputes.list({"payment_intent": session.payment_intent.id}).data[0]
assert dispute.status == "needs_response" and dispute.evidence_details.due_by > time.time()
assert v1.disputes.update(dispute.id, {"evidence": {"customer_name": "Bob"}, "submit": True}).status == "under_review"
control(f"/stripe/{CONNECTION}/dispute/{dispute.id}/close", {"status": "won"})
assert [b.reporting_category for b in v1.disputes.retrieve(dispute.id).balance_transactions] == ["dispute", "dispute_reversal"]
done("disputes")

# Payouts and their lines
payout = control(f"/stripe/{CONNECTION}/payout", {"currency": "eur"})
lines = v1.balance_transactions.list({"payout": payout["id"], "limit": 100})
assert sum(b.net for b in lines.auto_paging_iter()) == 0
assert v1.payouts.retrieve(payout["id"]).automatic is True
done("payouts")

# Events and webhooks
events = v1.events.list({"type": "payment_intent.succeeded"})
assert events.data[0].data.object.object == "payment_intent"
delivery = caught(lambda e: e["type"] == "payment_intent.succeeded" and e["data"]["object"]["id"] == intent.id)[0]
event = stripe.Webhook.construct_event(delivery["body"], delivery["signature"], SECRET)
assert event.data.object.amount == 12345 and event.id == v1.events.retrieve(event.id).id
expect(stripe.SignatureVerificationError, lambda: stripe.Webhook.construct_event(delivery["body"] + " ", delivery["signature"], SECRET))
control("/faults", {"provider": "stripe", "target": "webhook:payment_intent.created", "kind": "forged"})
target = v1.payment_intents.create({"amount": 1500, "currency": "eur"})
forged, genuine = 0, 0
for _ in range(200):
    of = caught(lambda e: e["type"] == "payment_intent.created" and e["data"]["object"]["id"] == target.id)
    if len(of) == 2:
        break
    time.sleep(0.05)
for d in of:
    try:
        assert stripe.Webhook.construct_event(d["body"], d["signature"], SECRET).data.object.amount == 1500
        genuine += 1
    except stripe.SignatureVerificationError:
        forged += 1
assert (forged, genuine) == (1, 1)
done("events and webhooks")

# Money to somebody else's account
outbound = client.v2.money_management.outbound_payments.create(
    {
        "from": {"financial_account": "fa_1", "currency": "eur"},
        "to": {"recipient": "acct_2", "payout_method": "gba_1", "currency": "eur"},
        "amount": {"value": 4200, "currency": "eur"},
        "metadata": {"withdrawal": "wdr_2"},
    }
)
assert outbound.status == "processing" and outbound.amount.value == 4200
note = caught(lambda e: e["type"] == "v2.money_management.outbound_payment.posted" and e["related_object"]["id"] == outbound.id)[0]
thin = client.parse_event_notification(note["body"], note["signature"], SECRET)
assert thin.fetch_related_object().status == "posted"
assert client.v2.money_management.outbound_payments.list({"limit": 5}).data[0].id == outbound.id
control(f"/stripe/{CONNECTION}/outbound/{outbound.id}/return", {})
assert client.v2.money_management.outbound_payments.retrieve(outbound.id).status_details.returned.reason == "payout_method_closed"
done("outbound payments")

# A webhook endpoint of its own
endpoint = v1.webhook_endpoints.create({"url": "https://example.invalid/hook", "enabled_events": ["payout.paid"]})
assert endpoint.secret.startswith("whsec_") and v1.webhook_endpoints.delete(endpoint.id).deleted
done("webhook endpoints")
print("all done with stripe", stripe.VERSION)
