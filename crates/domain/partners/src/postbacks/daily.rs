//! Yesterday's volume, once the day is over: by client and product group.

use super::PostbackEvent;
use super::plan::{Happening, queue};
use crate::store::{origins, partners, postbacks as store};
use async_trait::async_trait;
use qd_kernel::{Lots, Ts};
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, JobError, Lease};

/// `partner.lots_daily`: schedule it hourly; each client's day is reported once.
pub struct DailyLots(pub Core);

const DAY_US: i64 = 86_400_000_000;
/// The day has to be over for so long, for what comes late.
const SETTLE_S: i64 = 3_600;
const PAGE: i64 = 100;

#[async_trait]
impl Handler for DailyLots {
    fn kind(&self) -> &'static str {
        "partner.lots_daily"
    }
    async fn run(&self, _lease: &Lease) -> std::result::Result<(), JobError> {
        let day = self.0.now().plus_secs(-SETTLE_S).micros().div_euclid(DAY_US) - 1;
        let (from, to) = (Ts(day * DAY_US), Ts((day + 1) * DAY_US));
        let (y, m, d) = from.ymd();
        let date = format!("{y:04}-{m:02}-{d:02}");
        let mut after = String::new();
        loop {
            let (start, core, date) = (after.clone(), self.0.clone(), date.clone());
            let done = self
                .0
                .db
                .write(async move |tx| {
                    let page = store::partners_in_use(tx, &start, PAGE).await?;
                    for (partner,) in &page {
                        for v in store::volume(tx, *partner, from, to).await? {
                            if v.lots == 0 {
                                continue;
                            }
                            let group = v.product_group.clone().unwrap_or_default();
                            let id = format!("lots:{}:{date}:{group}", v.client_id);
                            let mut h = Happening::new(PostbackEvent::LotsDaily, id, from, date.clone());
                            h.lots = Some(Lots(v.lots));
                            h.symbol_group = v.product_group;
                            let click = match origins::click_of(tx, &v.client_id, *partner).await? {
                                Some(c) => partners::click(tx, c).await?,
                                None => None,
                            };
                            queue(tx, &core, *partner, Some(&v.client_id), click.as_ref(), &h).await?;
                        }
                    }
                    Ok(page.last().filter(|_| page.len() as i64 == PAGE).map(|(p,)| p.to_string()))
                })
                .await?;
            match done {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }
}
