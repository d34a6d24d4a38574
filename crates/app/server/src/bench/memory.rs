//! N12: what an idle demo keeps in memory, beside the same program with nothing but its
//! counterparties.

use super::figure::{Figure, median};
use super::others::{Other, demo, free};
use super::plan::Plan;
use qd_kernel::Result;
use std::time::Duration;

pub async fn run(plan: &Plan) -> Result<()> {
    let (clients, days) = if plan.smoke { (5, 3) } else { (2_000, 180) };
    let (mut whole, _) = demo(&plan.place, clients, days)?;
    whole.answers("/healthz", "", Duration::from_secs(600)).await?;
    let dir = plan.place.folder("sandbox")?;
    let at = free()?;
    let listen = at.to_string();
    let mut little = Other::start(&dir, at, &["sandbox", "--listen", &listen, "--quiet-market"], &[])?;
    little.answers("/control/faults", "", Duration::from_secs(60)).await?;
    let settled = if plan.smoke {
        false
    } else {
        whole.settles(Duration::from_secs(120)).await
    };
    let (mut ours, mut base) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        ours.push(whole.resident_mb());
        base.push(little.resident_mb());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Figure::new("N12.idle_memory", "MB", median(&ours), median(&base))
        .against("resident memory of the same program as `quarterdeck sandbox`, empty")
        .goal("value <= 150")
        .with("engine", "sqlite")
        .with("seeded_clients", clients)
        .with("seeded_days", days)
        .with("settled", settled)
        .print()
}
