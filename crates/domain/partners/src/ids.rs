//! Ids of this crate.

qd_kernel::id!(PartnerId, "par", "A partner: introducing broker or affiliate.");
qd_kernel::id!(LinkId, "lnk", "A partner's link and code.");
qd_kernel::id!(ClickId, "clk", "A click on a partner's link.");
qd_kernel::id!(PlanId, "pln", "A deal plan, all its versions.");
qd_kernel::id!(LineId, "cml", "A commission line.");
qd_kernel::id!(StatementId, "pst", "A closed statement of a partner.");
qd_kernel::id!(PayoutId, "ppo", "A payout to a partner.");
qd_kernel::id!(
    CorrectionId,
    "ccr",
    "A change with an earlier date and what it does to booked lines."
);
qd_kernel::id!(PostbackId, "pbk", "An address a partner wants to be told at.");
qd_kernel::id!(SendId, "pbs", "One report to one address of a partner.");
qd_kernel::id!(WebhookId, "whk", "An outside engine's address.");
qd_kernel::id!(WebhookSendId, "whs", "One event on its way to an outside engine.");
qd_kernel::id!(ClaimId, "pcl", "A partner's claim to a client.");
qd_kernel::id!(MaterialId, "mat", "Marketing material: a banner, a landing page, a text.");
qd_kernel::id!(BatchId, "pba", "A batch of payouts to partners.");
qd_kernel::id!(CloseId, "ccl", "A month close of an entity's partners.");
qd_kernel::id!(SimulationId, "sim", "What a plan would have cost, asked for.");
qd_kernel::id!(ExportId, "pex", "An export of the whole partner module.");
