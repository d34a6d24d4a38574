//! Who takes part: staff of the demo, a client made for the story, the counterparties' switches.

use super::http::{Body, encoded};
use super::{Play, Played, expect, paper, until};
use qd_outbound::Method;
use serde_json::{Value, json};

pub const BRAND: &str = "northwind";
pub const ENTITY_SERVER: &str = "eu-live";
pub const CONNECTION: &str = "stripe-eu";

/// Somebody signed in.
#[derive(Clone)]
pub struct Person {
    pub token: String,
    pub id: String,
    pub name: String,
}

impl Person {
    pub fn on(&self) -> Option<&str> {
        Some(&self.token)
    }
}

/// A client of the story, with what only he knows.
pub struct Client {
    pub person: Person,
    pub client_id: String,
    pub first: &'static str,
    pub last: String,
    pub email: String,
    pub card: String,
}

impl Client {
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
    pub fn on(&self) -> Option<&str> {
        self.person.on()
    }
}

impl Play {
    pub async fn staff(&self, email: &str) -> Played<Person> {
        let email = format!("{email}@quarterdeck.example");
        let v = self
            .api
            .post(
                "/api/v1/auth/staff/sign-in",
                None,
                &json!({"email": email, "password": self.password, "device": "story-desk-device"}),
            )
            .await
            .map_err(|e| format!("{e} (the story needs the demo's staff: `quarterdeck demo`, or `quarterdeck seed --demo`)"))?;
        if v["must_enrol_second_factor"] == true {
            return Err("staff need a second factor here; the story plays where access.staff_second_factor is false".into());
        }
        person(&v)
    }

    /// A mail to this address whose subject holds the words; its text.
    pub async fn mail(&self, to: &str, subject: &str, secs: u64) -> Played<String> {
        let path = format!("/mail/messages?to={}&subject={}", encoded(to), encoded(subject));
        until(&format!("a mail to {to} with the subject {subject}"), secs, async || {
            let v = self.world.get(&path, None).await?;
            let list = v["messages"].as_array().or(v.as_array()).cloned().unwrap_or_default();
            let Some(last) = list.last() else { return Ok(None) };
            let id = last["id"].as_str().unwrap_or_default();
            let one = self.world.get(&format!("/mail/messages/{id}"), None).await?;
            Ok(one["text"].as_str().map(str::to_string))
        })
        .await
    }

    /// Registers, signs in, follows the link of the mail.
    pub async fn register(&self, first: &'static str, last: &str, email: &str, code: Option<&str>) -> Played<Client> {
        let password = format!("Elbe-{}-2026", self.run.to_lowercase());
        let mut form = json!({
            "brand": BRAND, "email": email, "password": password, "first_name": first, "last_name": last, "country": "DE", "language": "de",
            "consents": [{"kind": "terms", "version": "2026-01", "given": true}, {"kind": "privacy", "version": "2026-01", "given": true}],
        });
        if let Some(c) = code {
            form["came"] = json!({"partner_code": c});
        }
        let done = self.api.post("/api/v1/register", None, &form).await?;
        let text = self.mail(email, "bestätigen", 20).await?;
        let token = text
            .split("token=")
            .nth(1)
            .and_then(|t| t.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.~%".contains(c))).next())
            .unwrap_or_default();
        expect(!token.is_empty(), || "the mail has no link with a token".into())?;
        let v = self
            .api
            .post(
                "/api/v1/auth/sign-in",
                None,
                &json!({"brand": BRAND, "email": email, "password": password, "device": format!("device-of-{email}")}),
            )
            .await?;
        // Only the session of the sign-in that was mailed proves the address.
        let signed_in = text_of(&v, "token")?;
        self.api
            .post("/api/v1/auth/email/verify", Some(&signed_in), &json!({"token": token}))
            .await?;
        Ok(Client {
            person: person(&v)?,
            client_id: text_of(&done, "client_id")?,
            first,
            last: last.to_string(),
            email: email.to_string(),
            card: self.card("276", 0),
        })
    }

    /// A card of the country (ISO numeric) that nobody else has.
    pub fn card(&self, country: &str, more: u64) -> String {
        let n = self.run.bytes().fold(more, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))) % 900_000 + 100_000;
        let head = format!("400000{country}{n:06}");
        let sum: u32 = head
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, b)| match (i % 2, u32::from(b - b'0')) {
                (0, d) if d > 4 => d * 2 - 9,
                (0, d) => d * 2,
                (_, d) => d,
            })
            .sum();
        format!("{head}{}", (10 - sum % 10) % 10)
    }

    /// The four steps of the European profile.
    pub async fn fill_profile(&self, c: &Client, changes: &Value) -> Played<Value> {
        let steps = [
            (
                "personal",
                json!({"first_name": c.first, "last_name": c.last, "birth_date": "1988-03-14", "nationality": "DE", "place_of_birth": "Hamburg"}),
            ),
            (
                "address",
                json!({"street": "Elbchaussee 1", "postal_code": "22765", "city": "Hamburg", "country": "DE"}),
            ),
            (
                "employment",
                json!({"occupation": "employed", "income_band": "50k_100k", "wealth_band": "20k_100k", "source_of_funds": "salary", "pep": false}),
            ),
            ("tax", json!({"tax_country": "DE", "tax_number": "86095742719", "us_person": false})),
        ];
        let mut profile = Value::Null;
        for (step, mut values) in steps {
            for (k, v) in changes[step].as_object().into_iter().flatten() {
                values[k] = v.clone();
            }
            profile = self
                .api
                .patch("/api/v1/me", c.on(), &json!({"step": step, "values": values}))
                .await?;
        }
        expect(profile["complete"] == true, || {
            format!("the profile is not complete: resume at {}", profile["resume"])
        })?;
        Ok(profile)
    }

    pub async fn take_test(&self, c: &Client) -> Played<Value> {
        let answers = json!({"answers": {
            "experience_years": ["1_to_3"], "trades_last_year": ["11_to_50"], "education": ["finance_degree"],
            "leverage_effect": ["gains_and_losses"], "margin_closeout": ["positions_closed"], "risk_of_loss": ["can_lose_all"],
        }});
        self.api.post("/api/v1/me/questionnaire", c.on(), &answers).await
    }

    /// Passport and utility bill, then the case is handed in. `holder`: whose name the passport has.
    pub async fn hand_in(&self, c: &Client, holder: &str) -> Played<String> {
        let number = format!("C{}", self.run);
        let today = today(0);
        let passport = format!(
            "/api/v1/me/kyc/documents?requirement=identity&kind=passport&holder_name={}&birth_date=1988-03-14&number={number}{}&expires_on={}",
            encoded(holder),
            c.email.len(),
            crate::story::people::today(1_500)
        );
        let bill = format!(
            "/api/v1/me/kyc/documents?requirement=address&kind=utility_bill&holder_name={}&issued_on={}",
            encoded(&c.name()),
            crate::story::people::today(-20)
        );
        let picture = paper::png(160, 120, &format!("{} {today}", c.email));
        self.upload(&passport, c, "image/png", picture).await?;
        self.upload(
            &bill,
            c,
            "application/pdf",
            paper::pdf(&format!("Utility bill {} {}", c.email, "water and power ".repeat(800))),
        )
        .await?;
        let done = self.api.post("/api/v1/me/kyc/submit", c.on(), &json!({})).await?;
        text_of(&done, "id")
    }

    async fn upload(&self, path: &str, c: &Client, kind: &str, bytes: Vec<u8>) -> Played<Value> {
        let key = format!("story-{}", qd_kernel::Env::system().entropy.code(20));
        self.api
            .send(Method::POST, path, c.on(), &[("idempotency-key", &key)], Body::Bytes(kind, bytes))
            .await?
            .done()
            .map_err(|e| format!("upload {e}"))
    }

    /// Compliance takes the case, opens and accepts each document, and approves.
    pub async fn approve(&self, reviewer: &Person, case: &str) -> Played<Value> {
        self.api
            .post(&format!("/api/v1/kyc/{case}/claim"), reviewer.on(), &json!({}))
            .await?;
        let view = self.api.get(&format!("/api/v1/kyc/{case}"), reviewer.on()).await?;
        for d in view["documents"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|d| d["state"] == "pending")
        {
            let id = text_of(d, "id")?;
            let a = self
                .api
                .send(Method::GET, &format!("/api/v1/documents/{id}"), reviewer.on(), &[], Body::None)
                .await?;
            expect(a.status == 200, || format!("the reviewer cannot open a document: {}", a.refusal()))?;
            self.api
                .post(&format!("/api/v1/documents/{id}/accept"), reviewer.on(), &json!({}))
                .await?;
        }
        let version = self.api.get(&format!("/api/v1/kyc/{case}"), reviewer.on()).await?["version"].clone();
        self.api
            .post(
                &format!("/api/v1/kyc/{case}/approve"),
                reviewer.on(),
                &json!({"version": version, "reason": "Passport and bill agree with the profile."}),
            )
            .await
    }

    /// The client's live account, once the platform has opened it.
    pub async fn live_account(&self, c: &Client, secs: u64) -> Played<Value> {
        until("the trading account to be ready", secs, async || {
            let v = self.api.get("/api/v1/me/accounts", c.on()).await?;
            let found = v["items"].as_array().into_iter().flatten().find(|a| a["kind"] == "live").cloned();
            Ok(found.filter(|a| a["state"] == "ready"))
        })
        .await
    }

    /// Starts a deposit and waits for the provider's page.
    pub async fn start_deposit(&self, c: &Client, minor: i64, account: &str) -> Played<Value> {
        let body = json!({"amount": {"minor": minor, "currency": "EUR"}, "method": "card", "account_id": account});
        let d = self.api.post("/api/v1/me/deposits", c.on(), &body).await?;
        let id = text_of(&d, "id")?;
        self.deposit_until(c, &id, 20, |d| d["state"] == "redirected").await
    }

    pub async fn deposit_until(&self, c: &Client, id: &str, secs: u64, fits: impl Fn(&Value) -> bool) -> Played<Value> {
        let mut last = Value::Null;
        let found = until("the deposit", secs, async || {
            last = self.api.get(&format!("/api/v1/me/deposits/{id}"), c.on()).await?;
            Ok(Some(last.clone()).filter(|d| fits(d)))
        })
        .await;
        found.map_err(|e| format!("{e}: it is {} {}", last["state"], last["held_reason"]))
    }

    /// The customer types a card on the hosted page.
    pub async fn pay(&self, deposit: &Value, c: &Client, card: &str) -> Played<()> {
        let page = text_of(deposit, "redirect_url")?;
        let shown = self.world.text(&page, None).await?;
        expect(shown.contains("id=\"amount\""), || "the hosted page shows no amount".into())?;
        let a = self
            .world
            .form(
                &format!("{page}/pay"),
                &[("number", card), ("name", &c.name()), ("email", &c.email)],
            )
            .await?;
        expect(a.status == 303, || format!("the hosted page took no payment: {}", a.status))
    }

    /// What the trade server itself says about a login: balance in minor units.
    pub async fn balance_there(&self, login: &str) -> Played<i64> {
        let a = self.account_there(login).await?;
        minor(a["balance"].as_str().unwrap_or_default())
            .ok_or_else(|| format!("the trade server's balance cannot be read: {}", a["balance"]))
    }

    pub async fn account_there(&self, login: &str) -> Played<Value> {
        let v = self.world.get(&format!("/control/mt5/{ENTITY_SERVER}/accounts"), None).await?;
        let found = v["accounts"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|a| a["login"].to_string().trim_matches('"') == login)
            .cloned();
        found.ok_or_else(|| format!("the trade server has no login {login}"))
    }

    /// Orders a fault of a counterparty; its id.
    pub async fn fault(&self, order: &Value) -> Played<String> {
        let v = self.world.post("/control/faults", None, order).await?;
        text_of(&v, "id")
    }

    /// Proves the person again: for money and approvals.
    pub async fn step_up(&self, p: &Person, password: &str) -> Played<()> {
        self.api
            .post("/api/v1/auth/step-up", p.on(), &json!({"password": password}))
            .await
            .map(|_| ())
    }

    /// A verified client with an open account: what the stories about money begin with.
    pub async fn ready_client(&mut self, first: &'static str) -> Played<(Client, String, String)> {
        self.step(format!("{first} registers and is verified"));
        let email = format!("{}.{}@mail.example", first.to_lowercase(), self.run.to_lowercase());
        let last = format!("Bergmann {}", self.run);
        let c = self.register(first, &last, &email, None).await?;
        self.fill_profile(&c, &json!({})).await?;
        self.take_test(&c).await?;
        let case = self.hand_in(&c, &c.name()).await?;
        let clara = self.staff("clara.stein").await?;
        self.approve(&clara, &case).await?;
        let a = self.live_account(&c, 30).await?;
        let (account, login) = (text_of(&a, "id")?, text_of(&a, "login")?);
        self.ok(format!("{} has login {login}", c.client_id));
        Ok((c, account, login))
    }
}

fn person(v: &Value) -> Played<Person> {
    Ok(Person {
        token: text_of(v, "token")?,
        id: text_of(v, "id")?,
        name: v["name"].as_str().unwrap_or_default().to_string(),
    })
}

pub fn text_of(v: &Value, field: &str) -> Played<String> {
    v[field]
        .as_str()
        .map(str::to_string)
        .ok_or_else(|| format!("the answer has no {field}: {v}"))
}

/// `1234.50` in minor units of two decimals.
pub fn minor(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |d| (-1, d));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "00"));
    let cents: i64 = format!("{part:0<2}").get(..2)?.parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * 100 + cents))
}

pub fn euros(minor: i64) -> String {
    format!("EUR {}", qd_kernel::format_fixed(minor, 2))
}

/// So many days from now, as a date.
pub fn today(days: i64) -> String {
    qd_kernel::Env::system().now().plus_days(days).rfc3339()[..10].to_string()
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn a_servers_money_text_becomes_cents() {
        for (text, cents) in [("500.00", 50_000), ("-0.50", -50), ("12.3", 1_230), ("7", 700)] {
            assert_eq!(minor(text), Some(cents), "{text}");
        }
        assert_eq!(minor("x"), None);
    }
}
