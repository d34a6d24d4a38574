//! The words of access: what may be done (rights), to how much (scope), by whom (roles), and which
//! fields stay covered (masks). Which role has what is data: `rights.toml`.

use qd_kernel::text_enum;

text_enum!(
    /// One thing that may be allowed. Every route and every use case names exactly one.
    /// Default deny: a right that no role has is nobody's.
    Right {
        /// Open to everybody, signed in or not.
        Public = "public",

        LeadsCreate = "leads.create",
        LeadsView = "leads.view",
        LeadsAssign = "leads.assign",
        ClientsView = "clients.view",
        ClientsEdit = "clients.edit",
        ClientsSearch = "clients.search",
        ClientsMerge = "clients.merge",
        NotesWrite = "notes.write",
        CallsLog = "calls.log",
        TasksManage = "tasks.manage",
        TimelineView = "timeline.view",
        ClientFileExport = "client_file.export",
        SegmentsView = "segments.view",
        TicketsView = "tickets.view",
        TicketsWork = "tickets.work",
        /// Keeping saved views for a team.
        ViewsShare = "views.share",
        MailView = "mail.view",

        KycView = "kyc.view",
        KycReview = "kyc.review",
        KycDocumentsView = "kyc.documents.view",
        KycConfigure = "kyc.configure",
        AmlView = "aml.view",
        AmlWrite = "aml.write",

        AccountsView = "accounts.view",
        AccountsOpen = "accounts.open",
        AccountsRestrict = "accounts.restrict",
        AccountsLeverage = "accounts.leverage",
        AccountsCredit = "accounts.credit",

        DepositsView = "deposits.view",
        DepositsManage = "deposits.manage",
        DisputesView = "disputes.view",
        DisputesManage = "disputes.manage",
        WithdrawalsView = "withdrawals.view",
        WithdrawalsReview = "withdrawals.review",
        WithdrawalsApprove = "withdrawals.approve",
        WithdrawalsOverride = "withdrawals.override",
        WithdrawalsPayout = "withdrawals.payout",
        ApprovalsView = "approvals.view",
        LedgerView = "ledger.view",
        LedgerExport = "ledger.export",
        LedgerAdjust = "ledger.adjust",
        TransfersView = "transfers.view",

        PartnersView = "partners.view",
        PartnersManage = "partners.manage",
        PlansManage = "plans.manage",
        CommissionView = "commission.view",
        StatementsClose = "statements.close",
        PayoutsPrepare = "payouts.prepare",
        PayoutsRelease = "payouts.release",

        RulesView = "rules.view",
        RulesEdit = "rules.edit",
        SettingsView = "settings.view",
        SettingsEdit = "settings.edit",
        EntitiesEdit = "entities.edit",
        StaffView = "staff.view",
        StaffManage = "staff.manage",
        RolesManage = "roles.manage",
        ApiKeysManage = "apikeys.manage",
        AuditView = "audit.view",
        AuditVerify = "audit.verify",
        ExceptionsView = "exceptions.view",
        ExceptionsWork = "exceptions.work",
        JobsView = "jobs.view",
        JobsRetry = "jobs.retry",
        ConnectionsView = "connections.view",
        ConnectionsManage = "connections.manage",
        ReportsView = "reports.view",

        /// One's own things: a client's record, a staff member's profile and notifications.
        MeView = "me.view",
        MeEdit = "me.edit",
        MeKyc = "me.kyc",
        MeAccounts = "me.accounts",
        MeDeposit = "me.deposit",
        MeWithdraw = "me.withdraw",
        MeTransfer = "me.transfer",
        MeStatements = "me.statements",
        MeTickets = "me.tickets",
        MePartner = "me.partner",
        /// Password, second factor, sessions, devices.
        MeSecurity = "me.security",
    }
);

impl Right {
    /// Rights that look and change nothing: all that an auditor may have.
    pub fn reads_only(self) -> bool {
        let verb = self.as_str().rsplit('.').next().unwrap_or_default();
        matches!(verb, "public" | "view" | "search" | "export" | "verify")
    }
    /// Rights over one's own things; they are never lent to an API key.
    pub fn is_own(self) -> bool {
        self.as_str().starts_with("me.")
    }
}

text_enum!(
    /// To how much a right reaches; the larger one wins when several roles give the same right.
    Scope {
        /// What is assigned to the caller (a client: the client's own).
        Own = "own",
        /// What belongs to the caller's desk.
        Desk = "desk",
        /// What belongs to the caller's entities.
        Entity = "entity",
        /// Everything in the entities the caller may enter, and what belongs to no entity.
        All = "all",
    }
);

text_enum!(
    /// Who somebody is in the house. `Client` and `Public` are not given to staff.
    Role {
        Sales = "sales",
        SalesManager = "sales_manager",
        Compliance = "compliance",
        Finance = "finance",
        Support = "support",
        Ops = "ops",
        PartnerManager = "partner_manager",
        Auditor = "auditor",
        SuperAdmin = "super_admin",
        Client = "client",
        Public = "public",
    }
);

impl Role {
    pub fn is_staff(self) -> bool {
        !matches!(self, Role::Client | Role::Public)
    }
}

text_enum!(
    /// A group of fields that is covered unless a role opens it: in views, search, exports, mails.
    Mask {
        /// E-mail, telephone, postal address, date of birth.
        Contact = "contact",
        /// Amounts and balances.
        Money = "money",
        /// Account numbers, cards, wallets.
        Bank = "bank",
        /// Anti-money-laundering notes, scores, screening hits.
        Aml = "aml",
        /// Identity documents and their numbers.
        Documents = "documents",
        /// Who the clients of a partner are.
        PartnerClients = "partner_clients",
    }
);
