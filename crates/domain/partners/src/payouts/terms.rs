//! Terms of payment: calendar, hold, reserve, minimum, fee, tax, destination. What a partner's
//! contract does not say is the entity's, then the house's setting, then the default.

use super::destination::{Destination, Way};
use crate::exact::Exact;
use crate::ids::PartnerId;
use crate::partner::{PayoutMethod, allowed};
use crate::statements::calendar::{self, Calendar};
use crate::store::{partners::PartnerRow, payouts as store};
use jiff::tz::TimeZone;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Result, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::{Core, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// The key of the house's and the entities' setting.
pub const TERMS: &str = "partner_terms";

text_enum!(
    /// Who bears what a payout costs.
    FeeBearer as PayoutFeeBearer { Partner = "partner", House = "house" }
);
text_enum!(
    /// What must stand against a statement before it is paid: nothing; the partner's invoice; a number
    /// of our own, given with the closing.
    Invoicing as PartnerInvoicing { None = "none", Invoice = "invoice", SelfBilling = "self_billing" }
);
text_enum!(
    /// What may be paid: what closed statements carry, or every line at once.
    PayBasis as PartnerPayBasis { Closed = "closed", Live = "live" }
);

/// What one place says; what it leaves out is said by the next wider one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PartnerTermsDocument, example = json!({"calendar": "monthly", "reserve": "0.10", "reserve_days": 90, "minimum": {"USD": "100.00"}}))]
pub struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// IANA name; statements end at its midnights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay: Option<PayBasis>,
    /// Days after the value date before a line may be paid: 0 to 730.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_days: Option<i64>,
    /// The same by kind of line (`cpa`, `revenue_share`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_days_of: Option<BTreeMap<String, i64>>,
    /// Share of what was earned that is kept back: `0.10` is 10 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve: Option<String>,
    /// For how many days after the value date: 0 to 730.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_days: Option<i64>,
    /// The least that is paid, in units by currency; less waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<BTreeMap<String, String>>,
    /// Share of the payout: `0.015` is 1.5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// Added to it, in units by currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_fixed: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_bearer: Option<FeeBearer>,
    /// Share withheld for the tax office.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withholding_tax: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoicing: Option<Invoicing>,
    /// Of a partner alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Of a partner without a client record: where the papers on the business are filed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kyb_reference: Option<String>,
}

/// What holds for a partner; printed on each statement (without the destination).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerTerms)]
pub struct Terms {
    pub calendar: Calendar,
    pub time_zone: String,
    pub pay: PayBasis,
    pub hold_days: i64,
    pub hold_days_of: BTreeMap<String, i64>,
    pub reserve: String,
    pub reserve_days: i64,
    pub minimum: BTreeMap<String, String>,
    pub fee: String,
    pub fee_fixed: BTreeMap<String, String>,
    pub fee_bearer: FeeBearer,
    pub withholding_tax: String,
    pub invoicing: Invoicing,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            calendar: Calendar::Monthly,
            // The clock of most MetaTrader servers.
            time_zone: "Europe/Athens".into(),
            pay: PayBasis::Closed,
            hold_days: 0,
            hold_days_of: BTreeMap::new(),
            reserve: "0".into(),
            reserve_days: 0,
            minimum: BTreeMap::new(),
            fee: "0".into(),
            fee_fixed: BTreeMap::new(),
            fee_bearer: FeeBearer::Partner,
            withholding_tax: "0".into(),
            invoicing: Invoicing::None,
        }
    }
}

impl Terms {
    fn over(self, d: &Document) -> Terms {
        Terms {
            calendar: d.calendar.unwrap_or(self.calendar),
            time_zone: d.time_zone.clone().unwrap_or(self.time_zone),
            pay: d.pay.unwrap_or(self.pay),
            hold_days: d.hold_days.unwrap_or(self.hold_days),
            hold_days_of: d.hold_days_of.clone().unwrap_or(self.hold_days_of),
            reserve: d.reserve.clone().unwrap_or(self.reserve),
            reserve_days: d.reserve_days.unwrap_or(self.reserve_days),
            minimum: d.minimum.clone().unwrap_or(self.minimum),
            fee: d.fee.clone().unwrap_or(self.fee),
            fee_fixed: d.fee_fixed.clone().unwrap_or(self.fee_fixed),
            fee_bearer: d.fee_bearer.unwrap_or(self.fee_bearer),
            withholding_tax: d.withholding_tax.clone().unwrap_or(self.withholding_tax),
            invoicing: d.invoicing.unwrap_or(self.invoicing),
        }
    }

    pub fn zone(&self) -> Result<TimeZone> {
        calendar::zone("/time_zone", &self.time_zone)
    }

    /// The longest look back that hold and reserve need, in days.
    pub fn window_days(&self) -> i64 {
        self.hold_days_of
            .values()
            .copied()
            .chain([self.hold_days, self.reserve_days])
            .max()
            .unwrap_or(0)
    }

    pub(crate) fn hold_of(&self, kind: &str) -> i64 {
        self.hold_days_of.get(kind).copied().unwrap_or(self.hold_days)
    }
}

fn share(field: &str, text: &str) -> Result<Exact> {
    Exact::parse(text)
        .filter(|e| !e.is_negative() && *e < Exact::int(1))
        .ok_or_else(|| Problem::invalid(field, "share_malformed", "expected a share like 0.10, from 0 up to less than 1"))
}

/// A share that was checked when it was saved.
pub(crate) fn saved_share(text: &str) -> Result<Exact> {
    share("terms", text)
}

fn sums(field: &str, map: &BTreeMap<String, String>) -> Result<()> {
    for (code, text) in map {
        let at = format!("{field}/{code}");
        let c = Currency::parse(code).map_err(|_| Problem::invalid(&at, "currency_unknown", "expected the code of a currency"))?;
        let a = Amount::parse(text, c).map_err(|_| Problem::invalid(&at, "amount_malformed", "expected an amount in units like 100.00"))?;
        if a.minor < 0 {
            return Err(Problem::invalid(
                &at,
                "amount_negative",
                "expected an amount that is not below zero",
            ));
        }
    }
    Ok(())
}

pub(crate) fn sum_of(map: &BTreeMap<String, String>, c: Currency) -> Result<i64> {
    map.get(c.code()).map_or(Ok(0), |t| Ok(Amount::parse(t, c)?.minor))
}

impl Document {
    /// Refuses what could not be followed, by the pointer of the field.
    pub fn check(&self) -> Result<()> {
        if let Some(z) = &self.time_zone {
            calendar::zone("/time_zone", z)?;
        }
        let days = |field: &str, d: i64| {
            if (0..=730).contains(&d) {
                Ok(())
            } else {
                Err(Problem::invalid(field, "days_out_of_range", "expected 0 to 730 days"))
            }
        };
        self.hold_days.map_or(Ok(()), |d| days("/hold_days", d))?;
        self.reserve_days.map_or(Ok(()), |d| days("/reserve_days", d))?;
        for (kind, d) in self.hold_days_of.iter().flatten() {
            days(&format!("/hold_days_of/{kind}"), *d)?;
        }
        for (field, text) in [
            ("/reserve", &self.reserve),
            ("/fee", &self.fee),
            ("/withholding_tax", &self.withholding_tax),
        ] {
            if let Some(t) = text {
                share(field, t)?;
            }
        }
        for (field, map) in [("/minimum", &self.minimum), ("/fee_fixed", &self.fee_fixed)] {
            if let Some(m) = map {
                sums(field, m)?;
            }
        }
        if self.kyb_reference.as_ref().is_some_and(|k| k.trim().is_empty() || k.len() > 140) {
            return Err(Problem::invalid("/kyb_reference", "text_malformed", "expected 1 to 140 characters"));
        }
        self.destination.as_ref().map_or(Ok(()), |d| d.check("/destination"))
    }
}

/// What was read once, for many partners.
#[derive(Default)]
pub struct TermsCache {
    entities: HashMap<String, Terms>,
}

impl TermsCache {
    /// Of an entity, before any partner's own.
    pub async fn of_entity(&mut self, tx: &mut Tx, entity: &str) -> Result<Terms> {
        if let Some(t) = self.entities.get(entity) {
            return Ok(t.clone());
        }
        let mut t = Terms::default();
        for scope in [settings::GLOBAL.to_string(), format!("entity:{entity}")] {
            if let Some(d) = settings::get::<Document>(tx, &scope, TERMS).await? {
                d.check()?;
                t = t.over(&d);
            }
        }
        self.entities.insert(entity.to_string(), t.clone());
        Ok(t)
    }

    /// Of a partner with its own document.
    pub async fn of(&mut self, tx: &mut Tx, partner: PartnerId, entity: &str) -> Result<(Terms, Document)> {
        let base = self.of_entity(tx, entity).await?;
        let own = match store::terms(tx, partner).await? {
            Some(row) => serde_json::from_value(row.document)?,
            None => Document::default(),
        };
        Ok((base.over(&own), own))
    }
}

/// A partner's destination: the terms', else the wallet of a partner paid to its wallet.
pub(crate) fn destination(p: &PartnerRow, own: &Document) -> Option<Destination> {
    own.destination
        .clone()
        .or_else(|| (p.payout_method == PayoutMethod::Wallet).then(Destination::wallet))
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerTermsView)]
pub struct TermsView {
    pub partner_id: PartnerId,
    /// What the partner's contract says; 0 where it has said nothing yet.
    pub version: i64,
    pub document: Document,
    /// What holds.
    pub terms: Terms,
    pub destination: Option<Destination>,
    pub changed_by: Option<String>,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Option<Ts>,
}

async fn view(tx: &mut Tx, p: &PartnerRow) -> Result<TermsView> {
    let row = store::terms(tx, p.id).await?;
    let (terms, document) = TermsCache::default().of(tx, p.id, &p.entity).await?;
    Ok(TermsView {
        partner_id: p.id,
        version: row.as_ref().map_or(0, |r| r.version),
        destination: destination(p, &document),
        document,
        terms,
        changed_by: row.as_ref().map(|r| r.changed_by.clone()),
        changed_at: row.map(|r| r.changed_at),
    })
}

/// Needs `commission.view`.
pub async fn get(tx: &mut Tx, caller: &Caller, partner: PartnerId) -> Result<TermsView> {
    let p = allowed(tx, caller, Right::CommissionView, partner).await?;
    view(tx, &p).await
}

/// Replaces what the partner's contract says. Needs `partners.manage` and a reason; `base_version` is
/// the one the change starts from, 0 for the first. Errors: those of [`Document::check`],
/// `version_stale`.
pub async fn put(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    partner: PartnerId,
    base_version: i64,
    document: Document,
    reason: &str,
) -> Result<TermsView> {
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    document.check().map_err(|mut e| {
        for f in &mut e.fields {
            f.pointer = format!("/document{}", f.pointer);
        }
        e
    })?;
    if let Some(d) = &document.destination
        && matches!(d.way, Way::Wallet | Way::Platform)
        && p.client_id.is_none()
    {
        return Err(Problem::invalid(
            "/document/destination/way",
            "wallet_missing",
            "expected bank: this partner has no client wallet",
        ));
    }
    let before = store::terms(tx, partner).await?;
    let row = store::TermsRow {
        document: serde_json::to_value(&document)?,
        version: base_version,
        changed_by: caller.id(),
        changed_at: core.now(),
    };
    store::put_terms(tx, partner, &row).await?;
    // The bank account itself stays out of the trail; that it changed does not.
    let shown = |d: &serde_json::Value| {
        let mut d = d.clone();
        if let Some(dest) = d.get_mut("destination").and_then(serde_json::Value::as_object_mut) {
            for k in ["iban", "name"] {
                if let Some(v) = dest.get_mut(k) {
                    let text = v.as_str().unwrap_or_default();
                    let end: String = text.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
                    *v = json!(format!("…{end}"));
                }
            }
        }
        d
    };
    let mut e = Entry::new(caller, "partner.terms", format!("partner:{partner}"))
        .entity(Some(p.entity.clone()))
        .after(shown(&row.document))
        .reason(reason);
    if let Some(b) = before {
        e = e.before(shown(&b.document));
    }
    audit::record(tx, core, e).await?;
    view(tx, &p).await
}
