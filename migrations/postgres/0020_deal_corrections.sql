-- Corrections of single deals.

ALTER TABLE commission_corrections DROP CONSTRAINT commission_corrections_cause_check;
ALTER TABLE commission_corrections ADD CONSTRAINT commission_corrections_cause_check
    CHECK (cause IN ('rebook', 'client_moved', 'partner_moved', 'plan_version', 'plan_assigned', 'deal_corrected', 'manual', 'reversal'));
