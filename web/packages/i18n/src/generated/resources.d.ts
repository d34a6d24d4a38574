// Written by `npm run keys` from /locales/en; do not edit.
import 'i18next';

interface Texts {
  "auth": {
    "language": "Language";
    "scheme_dark": "Dark colours";
    "scheme_light": "Light colours";
    "email": "E-mail address";
    "password": "Password";
    "new_password": "New password";
    "back": "Back";
    "again": "Try again";
    "go_on": "Go to my account";
    "back_to_sign_in": "Back to sign-in";
    "sign_in": {
      "title": "Sign in";
      "title_staff": "Sign in to the Back Office";
      "title_partner": "Sign in to the Partner Portal";
      "submit": "Sign in";
      "forgot": "Forgot your password?";
      "register": "Open an account";
    };
    "code": {
      "title": "Enter your code";
      "lead": "Your account is protected by an authenticator app.";
      "label": "Code from your authenticator app";
      "or_recovery": "Six digits. Without your phone, use one of your recovery codes.";
      "submit": "Continue";
      "back": "Sign in with another account";
    };
    "change": {
      "title": "Choose a new password";
      "lead": "Your first password was only for the first time.";
    };
    "enrol": {
      "title": "Protect your access";
      "lead": "The house asks for an authenticator app. It takes a minute, and then you are in.";
    };
    "forgot": {
      "title": "Forgot your password?";
      "lead": "Type your e-mail address; we send you a link to choose a new one.";
      "submit": "Send the link";
      "sent": "Look into your mail";
      "sent_text": "If {{email}} has an account here, a link is on its way. It may take a minute; look into the spam folder too.";
      "other": "Use another address";
    };
    "reset": {
      "title": "Choose a new password";
      "lead": "After that you are signed out everywhere and sign in with it.";
      "submit": "Save password";
      "done": "Your password is saved. Sign in with it now.";
    };
    "invite": {
      "title": "Welcome to the team";
      "lead": "Choose your password. Next you sign in and set up your authenticator app.";
    };
    "link": {
      "bad": "This link no longer works";
      "bad_reset": "It was used already, or it is too old. Ask for a new one.";
      "bad_invite": "It was used already, or it is too old. Ask whoever invited you to send a new one. If you have set your password, just sign in.";
      "bad_verify": "It was used already, or it is too old. If your address is confirmed, there is nothing left to do.";
      "new": "Ask for a new link";
    };
    "verify": {
      "title": "Confirm your e-mail address";
      "sign_in": "Sign in, and your address is confirmed right after. So nobody else can do it for you.";
      "done": "Your address is confirmed";
      "done_text": "Next we verify who you are. It takes a few minutes with your passport or identity card at hand.";
      "again": "Send a new link";
      "sent": "A new link is on its way";
      "sent_text": "Open it on this device; only the newest link works.";
    };
    "register": {
      "title": "Open your account";
      "lead": "Two short steps.";
      "lead_two": "Last step: as in your passport or identity card.";
      "step": "Step {{step}} of {{of}}";
      "country": "Where do you live?";
      "choose": "Choose your country";
      "password": "Choose a password";
      "next": "Continue";
      "first_name": "First name";
      "last_name": "Last name";
      "phone": "Phone (optional)";
      "phone_text": "We call only about your account.";
      "agree_one": "I have read and accept the <first>";
      "agree_both": "I have read and accept the <first> and the <second>";
      "marketing": "News and offers by e-mail are welcome; I can stop them any time";
      "submit": "Open account";
      "have": "I have an account";
      "partner": "Recommended by {{code}}";
      "done": "Almost there: confirm your address";
      "done_text": "We sent a link to {{email}}. You can look round meanwhile; paying in opens once the address is confirmed.";
      "go_on": "Go to my account";
    };
    "legal": {
      "terms": "Terms of business";
      "privacy": "Privacy policy";
      "risk_warning": "Risk warning";
    };
    "foot": {
      "entity": "{{entity}}, {{country}}, regulated by {{regulator}}";
      "legal": "Legal";
    };
    "demo": {
      "title": "This is a demo";
      "text": "Everybody here is made up. Choose who you want to be.";
    };
    "role": {
      "client": "Client";
      "partner": "Partner";
      "sales": "Sales";
      "sales_manager": "Sales manager";
      "compliance": "Compliance";
      "finance": "Finance";
      "support": "Support";
      "ops": "Operations";
      "partner_manager": "Partner manager";
      "auditor": "Auditor";
      "super_admin": "Super admin";
    };
  };
  "common": {
    "close": "Close";
    "cancel": "Cancel";
    "back": "Back";
    "save": "Save";
    "saved": "Saved";
    "edit": "Edit";
    "delete": "Delete";
    "add": "Add";
    "open": "Open";
    "done": "Done";
    "next": "Next";
    "continue": "Continue";
    "yes": "Yes";
    "no": "No";
    "none": "None";
    "all": "All";
    "undo": "Undo";
    "loading": "Loading";
    "optional": "optional";
    "required": "required";
    "details": "Details";
    "bar": {
      "offline": "You are offline. What you see may be old; nothing is sent until you are back.";
      "new_version": "There is a new version.";
      "reload": "Load it";
    };
    "error": {
      "retry": "Try again";
      "reference": "Reference for support";
      "not_done": "Nothing was done.";
      "outcome_unknown": "We don't know yet whether it was done. Trying again is safe: it happens only once.";
    };
    "empty": {
      "first": "Nothing here yet";
      "filtered": "Nothing matches";
      "filtered_text": "The filters leave nothing over.";
      "done": "All done";
      "locked": "Not open to you";
      "reset": "Reset filters";
    };
    "slow": {
      "text": "This takes longer than usual.";
      "what": "{{what}}: this takes longer than usual.";
    };
    "money": {
      "estimate": "Converted, an estimate";
      "lots": "{{value}} lots";
    };
    "masked": {
      "text": "Your role does not see this value.";
      "what": "Your role does not see this: {{what}}.";
    };
    "copy": {
      "hint": "Copy {{id}}";
      "done": "Copied";
    };
    "diff": {
      "none": "Nothing changed.";
      "field": "Field";
      "from": "Before";
      "to": "After";
    };
    "why": {
      "open": "Show how";
      "close": "Hide how";
    };
    "steps": {
      "expected": "usually {{time}}";
    };
    "drawer": {
      "previous": "Previous record";
      "next": "Next record";
      "full_page": "Open the full page";
    };
    "reason": {
      "code": "Reason";
      "choose": "Choose a reason";
      "code_missing": "Choose a reason.";
      "note": "Why?";
      "note_optional": "Note (optional)";
      "note_missing": "Say why; it is kept with the decision.";
      "typed": "Type {{text}} to confirm";
      "typed_wrong": "That is not the same.";
    };
    "approve": {
      "yes": "Approve";
      "give": "Give approval {{n}} of {{needed}}";
      "refuse": "Refuse";
      "refuse_now": "Refuse now";
      "people": "Who decides";
      "progress": "{{given}} of {{needed}} approvals";
      "said_yes": "approved";
      "said_no": "refused";
      "saw": "What they saw";
      "waits": "Waits for another person";
      "own_second": "You gave an approval already. Another person must give the next one.";
      "own_request": "You asked for this yourself. Somebody else must approve it.";
      "last": "This is the last approval: it takes effect at once.";
      "typed": "Type the amount {{amount}} to confirm";
      "typed_wrong": "That is not the amount.";
    };
    "table": {
      "waiting_one": "{{count}} new or changed row";
      "waiting_other": "{{count}} new or changed rows";
      "pick_all": "Select all rows";
      "pick_row": "Select row";
      "sort": "Sort";
      "more": "Load more";
      "rows_one": "{{count}} row, that is all";
      "rows_other": "{{count}} rows, that is all";
      "bulk": "Actions for selected rows";
      "picked_one": "{{count}} selected";
      "picked_other": "{{count}} selected";
      "pick_matching_one": "Select the {{count}} that matches";
      "pick_matching_other": "Select all {{count}} that match";
      "unpick": "Clear selection";
      "export": "Export";
      "export_text": "Exports what you see, with these filters and columns. You get a notice when it is ready.";
      "columns": "Columns";
      "move_up": "Move {{column}} forward";
      "move_down": "Move {{column}} back";
      "reset_view": "Back to the usual columns";
    };
    "filter": {
      "title": "Filters";
      "add": "Filter";
      "reset": "Reset";
      "drop": "Remove filter {{name}}";
      "more_one": "{{count}} more filter";
      "more_other": "{{count}} more filters";
    };
    "keys": {
      "title": "Keyboard shortcuts";
      "list": "Show this list";
      "general": "Everywhere";
      "screen": "This screen";
      "table": "Lists";
      "record": "Record beside the list";
      "go": "Go to";
      "next_row": "Next row";
      "previous_row": "Previous row";
      "pick_row": "Select the row";
      "switch": "Single-key shortcuts";
      "switch_text": "Turn them off if a tool of yours types by itself. Combinations with Ctrl keep working.";
    };
    "palette": {
      "open": "Search and actions";
      "placeholder": "Name, mail, phone, login, id, or an action";
      "searching": "Searching";
      "nothing": "Nothing found";
      "hint": "Type at least two characters";
      "clients": "Clients";
      "actions": "Actions";
      "screens": "Screens";
      "scheme": "Switch between light and dark";
    };
    "frame": {
      "skip": "Skip to the content";
      "navigation": "Navigation";
      "menu": "Open the menu";
      "more": "More";
      "wide": "Widen the navigation";
      "narrow": "Narrow the navigation";
      "search": "Search or jump to";
      "crumbs": "Where you are";
    };
    "user": {
      "menu": "{{name}}: profile and settings";
      "profile": "Profile and security";
      "language": "Language";
      "look": "Appearance";
      "scheme": {
        "auto": "Automatic";
        "light": "Light";
        "dark": "Dark";
      };
      "compact": "Compact rows";
      "shortcuts": "Single-key shortcuts";
      "zone": "Show times in";
      "zones": {
        "mine": "My time";
        "client": "The client's time";
        "server": "Trading server time";
        "utc": "UTC";
      };
      "sign_out": "Sign out";
    };
    "bell": {
      "label_one": "Notifications, {{count}} unread";
      "label_other": "Notifications, {{count}} unread";
      "title": "Notifications";
      "read_all": "Mark all as read";
      "none": "No notifications";
    };
    "pages": {
      "not_found": "Not here";
      "not_found_text": "There is no such page, or it is not yours to see.";
      "home": "To the start";
      "not_for_role": "Not for your role";
      "not_for_role_text": "Your role does not open this screen. Somebody who manages roles can change that.";
      "needs": "Needed: {{right}}";
      "wrong_portal": "You are signed in, but this portal is for somebody else.";
      "to_trader": "To your room";
      "to_office": "To the back office";
      "secure": "Secure your access first";
      "secure_text": "The house asks for a second factor, or a password of your own, before anything else opens.";
      "secure_done": "Done, go on";
    };
    "upload": {
      "photo": "Take a photo";
      "photo_again": "Take it again";
      "file": "Choose a file";
      "other_file": "Choose another file";
      "drop": "Remove";
      "preview": "Preview of the picture";
      "progress": "Upload progress";
      "sending": "Sending, {{percent}}";
      "bad_type": "We cannot read this kind of file. Please send {{types}}.";
      "too_big": "The file is larger than {{size}}.";
      "empty": "The file is empty.";
      "blurred": "The picture looks blurred";
      "dark": "The picture looks too dark";
      "again_text": "A reviewer would probably send it back. Take it again in good light, without flash, all four corners in view.";
      "send_anyway": "Send it all the same";
    };
    "doc": {
      "zoom_in": "Zoom in";
      "zoom_out": "Zoom out";
      "fit": "Fit the width";
      "rotate": "Rotate";
      "download": "Download";
      "page": "Page {{page}}";
      "heic": "This picture is in HEIC format, which browsers do not show. Download it to look at it.";
    };
  };
  "errors": {
    "class": {
      "offline": "You are offline.";
      "unreachable": "The server cannot be reached.";
      "timeout": "The server did not answer in time.";
      "unavailable": "Something we depend on does not answer right now.";
      "limit": "Too many requests in a short time.";
      "invalid": "Something in it is not right.";
      "signed_out": "Your session is over.";
      "forbidden": "You may not do this.";
      "missing": "It is not there, or not yours to see.";
      "conflict": "It has changed in the meantime.";
      "bug": "Something went wrong on our side.";
      "declined": "You did not confirm it.";
      "aborted": "It was given up.";
    };
    "outcome": {
      "not_done": "Nothing was done.";
      "unknown": "We don't know yet whether it was done.";
    };
    "next": {
      "wait_online": "It goes on when you are back online.";
      "retry": "Try again; it happens only once.";
      "wait": "Wait a minute, then try again.";
      "correct": "Correct what is marked and send it again.";
      "reload": "Load it again and look at what changed.";
      "sign_in": "Sign in again.";
      "ask": "Ask somebody with the right for it.";
      "contact": "If it stays, tell support the reference.";
    };
    "http_404": "It is not there.";
    "http_413": "It is too large.";
    "http_502": "The server is not reachable right now.";
    "http_503": "The server is not ready right now.";
    "client_bug": "Something in this page went wrong. Load it again.";
    "not_found": "It is not there, or not yours to see.";
    "document_unreadable": "The document could not be shown.";
    "sign_in_required": "Please sign in.";
    "session_over": "Your session is over. Please sign in again.";
    "sign_in_failed": "E-mail address or password is wrong.";
    "sign_in_too_many": "Too many tries. Wait a while, or reset your password.";
    "sign_in_busy": "Very many people are signing in. Try again in a moment.";
    "second_factor_required": "The second factor is needed.";
    "second_factor_wrong": "The code is not right, or it was used already.";
    "second_factor_in_force": "There is a second factor already.";
    "second_factor_not_started": "Start setting up the second factor first.";
    "step_up_required": "Please confirm that it is you.";
    "cross_site_write": "The request came from another site and was not taken.";
    "too_many_requests": "Too many requests. Wait a moment.";
    "streams_too_many": "Too many open windows. Close some of them.";
    "verification_too_many": "Too many mails were asked for. Wait a while.";
    "right_missing": "Your role does not have the right for this.";
    "mask_missing": "Your role does not see what this is about.";
    "scope_too_narrow": "Your right does not reach that far.";
    "entity_not_allowed": "This belongs to an entity you may not enter.";
    "entity_not_yours": "This belongs to another entity.";
    "all_entities_needed": "This takes rights over all entities.";
    "own_rights": "Nobody changes their own rights.";
    "staff_only": "This is for staff.";
    "client_only": "This is for clients.";
    "person_required": "A person must do this, no API key.";
    "last_super_admin": "The last administrator cannot be taken away.";
    "version_stale": "Somebody changed it in the meantime.";
    "version_changed": "Somebody changed it in the meantime.";
    "state": "This is not possible in its present state.";
    "idempotency_key_reused": "The same form was sent with other content. Load the page again.";
    "idempotency_unanswered": "The first attempt is still under way. Wait a moment.";
    "approval_same_person": "The same person cannot approve twice.";
    "approval_own_request": "Nobody approves their own request.";
    "approval_ended": "This approval is over.";
    "approval_waiting": "It waits for another person's approval.";
    "approval_refused": "The approval was refused.";
    "claimed_by_other": "Somebody else is working on it.";
    "email_taken": "This e-mail address is in use already.";
    "email_verified": "The address is confirmed already.";
    "client_exists": "There is such a client already.";
    "client_merged": "This record was joined with another.";
    "client_restricted": "This is stopped for the moment. Please contact us.";
    "country_not_served": "We do not offer our services in this country.";
    "profile_locked": "These data were checked; support can correct them.";
    "stage_refused": "The stage cannot change like this.";
    "restriction_there": "This restriction is in force already.";
    "restriction_lifted": "This restriction was lifted already.";
    "duplicate_decided": "This was decided already.";
    "duplicate_not_merged": "These records are not joined.";
    "merge_funded": "Records with money on both sides cannot be joined.";
    "merge_chain": "One of them was joined before.";
    "task_closed": "This task is closed.";
    "call_kept": "Calls that the law wants kept cannot be removed.";
    "kyc_required": "Verification comes first.";
    "kyc_incomplete": "Something is still missing.";
    "kyc_state": "This is not possible in the present state of the verification.";
    "kyc_claimed": "A reviewer has it already.";
    "kyc_not_claimed": "Claim it first.";
    "kyc_mismatch": "The documents do not match the data.";
    "kyc_fields_missing": "Read the document's fields first.";
    "kyc_documents_undecided": "Some documents are not decided yet.";
    "kyc_document_decided": "This document was decided already.";
    "kyc_document_replaced": "There is a newer document.";
    "kyc_document_accepted": "This document is accepted already.";
    "kyc_file_used": "This file was sent already.";
    "kyc_case_changed": "The case changed in the meantime.";
    "kyc_attempts_used": "All attempts are used. Please contact us.";
    "kyc_too_many_uploads": "Too many uploads today. Try again tomorrow.";
    "kyc_nothing_asked": "Nothing was asked for.";
    "kyc_test_passed": "The test is passed already.";
    "kyc_no_questionnaire": "There is no test here.";
    "kyc_no_warning": "There is no warning to confirm.";
    "kyc_answers_at_once": "All questions must be answered at once.";
    "kyc_level_not_configured": "This level is not set up.";
    "account_not_ready": "The trading account is not ready yet.";
    "account_limit_reached": "No more accounts of this kind are possible.";
    "account_type_professional": "This account is for professional clients.";
    "account_type_country": "This account is not offered in your country.";
    "account_changed": "The account changed in the meantime.";
    "account_is_demo": "This is a demo account.";
    "passwords_already_shown": "The passwords were shown once; you can set new ones.";
    "platform_unreachable": "The trading server cannot be reached right now.";
    "platform_call_failed": "The trading server did not answer properly.";
    "platform_refused_account": "The trading server refused the account.";
    "server_not_connected": "This trading server is not connected.";
    "credit_over_given": "More than was given cannot be taken back.";
    "amount_limit": "The amount is outside the limits.";
    "amount_out_of_range": "The amount is outside the limits.";
    "balance_too_low": "There is not enough money.";
    "insufficient_funds": "There is not enough money.";
    "wallet_missing": "There is no wallet in this currency.";
    "deposits_stopped": "Deposits are stopped for the moment.";
    "withdrawals_stopped": "Withdrawals are stopped for the moment.";
    "deals_stopped": "Reading of deals is stopped.";
    "deposit_not_cancellable": "This deposit cannot be cancelled any more.";
    "deposit_not_held": "This deposit is not held.";
    "deposit_changed": "The deposit changed in the meantime.";
    "deposit_other_currency": "The provider paid in another currency.";
    "refund_pending": "A refund is under way.";
    "psp_down": "The payment provider does not answer right now. Try another method.";
    "psp_not_connected": "This payment provider is not connected.";
    "provider_call_failed": "The provider did not answer properly.";
    "withdrawal_not_in_review": "It does not wait for a decision.";
    "withdrawal_not_cancellable": "This withdrawal cannot be cancelled any more.";
    "withdrawal_changed": "The withdrawal changed in the meantime.";
    "leg_not_by_bank": "This part is not paid by bank.";
    "leg_not_unclear": "The outcome of this part is clear already.";
    "transfer_changed": "The transfer changed in the meantime.";
    "move_ended": "This movement is over already.";
    "move_not_refused": "The server did not refuse this movement.";
    "move_returned": "The money was given back already.";
    "move_not_found_yet": "The server does not know the movement yet. Wait a moment.";
    "rate_missing": "There is no rate for this conversion.";
    "hold_closed": "This hold is closed.";
    "period_closed": "This period is closed.";
    "period_not_over": "This period is not over yet.";
    "already_reversed": "It was reversed already.";
    "partner_exists": "You are a partner already.";
    "partner_state": "This is not possible in the partner's present state.";
    "payout_state": "This is not possible in the payout's present state.";
    "payout_method": "This way of payout is not possible here.";
    "share_state": "This is not possible in its present state.";
    "rule_name_taken": "There is a rule of this name.";
    "exception_closed": "This exception is closed.";
    "exception_changed": "The exception changed in the meantime.";
    "dispute_changed": "The dispute changed in the meantime.";
    "job_not_dead": "This job is still trying.";
    "brand_taken": "There is such a brand already.";
    "brand_missing": "The brand is missing.";
    "no_address": "There is no address to write to.";
    "mail_written": "This mail was sent already.";
    "mail_not_sent": "The mail could not be sent right now.";
    "file_too_big": "The file is too large.";
    "body_too_large": "It is too large.";
    "not_ready": "The server is starting. Try again in a moment.";
    "db_busy": "The server is very busy. Try again in a moment.";
    "db_unavailable": "The database does not answer right now.";
    "field": {
      "invalid": "This is not right.";
      "missing": "This is needed.";
      "required": "This is needed.";
      "field_missing": "This is needed.";
      "reason_missing": "Say why.";
      "reason_unknown": "Choose a reason from the list.";
      "reason_too_long": "Shorten it, please.";
      "note_empty": "Write something.";
      "note_too_long": "Shorten it, please.";
      "title_length": "Too short or too long.";
      "text_malformed": "Some characters cannot be taken.";
      "text_nul": "Some characters cannot be taken.";
      "name_malformed": "This does not look like a name.";
      "email_malformed": "This is not an e-mail address.";
      "mail_address_malformed": "This is not an e-mail address.";
      "email_taken": "This address is in use already.";
      "phone_malformed": "This is not a telephone number.";
      "country_malformed": "Choose a country.";
      "country_not_served": "We do not offer our services there.";
      "password_short": "The password is too short.";
      "password_long": "The password is too long.";
      "password_missing": "Enter the password.";
      "password_wrong": "The password is not right.";
      "password_same": "This is the old password.";
      "password_common": "This password is known to everybody.";
      "second_factor_wrong": "The code is not right, or it was used already.";
      "token_invalid": "This link is used or expired.";
      "amount_wrong": "The amount is not right.";
      "amount_not_positive": "The amount must be above zero.";
      "amount_out_of_range": "The amount is outside the limits.";
      "amount_limit": "The amount is outside the limits.";
      "balance_too_low": "There is not enough money.";
      "currency_unknown": "We do not know this currency.";
      "method_unavailable": "This method is not available.";
      "leverage_out_of_range": "This leverage is not offered.";
      "expires_in_past": "This lies in the past.";
      "rate_malformed": "This is not a rate.";
      "rate_not_positive": "The rate must be above zero.";
      "value_unknown": "Choose one of the values.";
      "staff_unknown": "There is no such staff member.";
      "staff_missing": "Choose a person.";
      "partner_unknown": "There is no such partner.";
      "brand_unknown": "There is no such brand.";
      "entity_unknown": "There is no such entity.";
      "desk_unknown": "There is no such desk.";
      "plan_unknown": "There is no such plan.";
      "zone_unknown": "There is no such time zone.";
      "status_unknown": "Choose one of the values.";
      "code_taken": "This code is taken.";
      "code_missing": "Enter the code.";
      "code_malformed": "Small letters, digits and dashes only.";
      "key_malformed": "Small letters, digits and dots only.";
      "hue_out_of_range": "A number from 0 to 360.";
      "legs_count": "The parts are not right.";
      "roles_missing": "Choose at least one role.";
      "roles_apart": "These roles must not be in one hand.";
      "role_twice": "A role is there twice.";
      "role_fixed": "This role cannot be changed.";
      "rights_missing": "Choose at least one right.";
      "file_empty": "The file is empty.";
      "file_type_unsupported": "We cannot take this kind of file.";
      "file_unreadable": "The file cannot be read.";
      "file_too_big": "The file is too large.";
      "requirement_unknown": "This is not asked for.";
      "step_unknown": "There is no such step.";
      "account_is_demo": "This is a demo account.";
      "move_too_early": "That is too early.";
      "period_not_over": "This period is not over yet.";
      "span_empty": "From must lie before until.";
      "limit_out_of_range": "Outside of what is possible.";
      "needed_out_of_range": "Outside of what is possible.";
      "times_out_of_range": "Outside of what is possible.";
      "version_missing": "Load it again.";
      "rule_set_unknown": "There is no such rule set.";
      "texts_unreadable": "The texts cannot be read.";
      "secret_malformed": "This is not a valid secret.";
      "provider_unknown": "There is no such provider.";
      "cursor_malformed": "Load the list again.";
      "body_unreadable": "It could not be read.";
    };
  };
  "office": {
    "portal": "Back Office";
    "group": {
      "clients": "Clients";
      "money": "Money";
      "partners": "Partners";
      "house": "House";
    };
    "nav": {
      "home": "My queues";
      "clients": "Clients";
    };
    "home": {
      "title": "Good to see you, {{name}}";
      "waiting": "Waiting";
      "oldest": "oldest waits";
      "nothing": "Nothing waits";
      "overdue_one": "{{count}} overdue";
      "overdue_other": "{{count}} overdue";
    };
  };
  "office-clients": {
    "title": "Clients";
    "col": {
      "name": "Name";
      "stage": "Stage";
      "status": "Sales status";
      "kyc": "Verification";
      "country": "Country";
      "language": "Language";
      "email": "E-mail";
      "phone": "Phone";
      "campaign": "Campaign";
      "entity": "Entity";
      "vip": "VIP";
      "created": "Created";
      "activity": "Last activity";
    };
    "filter": {
      "unowned": "Without an owner";
    };
    "empty": {
      "title": "No clients yet";
      "text": "Leads from forms, imports and partners appear here.";
    };
    "peek": {
      "title": "Client";
      "id": "Client id";
    };
  };
  "office-words": {
    "right": {
      "public": "Open to everybody";
      "leads": {
        "create": "Create leads";
        "view": "See leads";
        "assign": "Assign leads";
      };
      "clients": {
        "view": "See clients";
        "edit": "Edit clients";
        "search": "Search clients";
        "merge": "Join duplicates";
      };
      "notes": {
        "write": "Write notes";
      };
      "calls": {
        "log": "Log calls";
      };
      "tasks": {
        "manage": "Manage tasks";
      };
      "timeline": {
        "view": "See timelines";
      };
      "client_file": {
        "export": "Export client files";
      };
      "segments": {
        "view": "See segments";
      };
      "tickets": {
        "view": "See tickets";
        "work": "Work on tickets";
      };
      "mail": {
        "view": "See mails";
      };
      "kyc": {
        "view": "See verifications";
        "review": "Decide verifications";
        "documents": {
          "view": "See documents";
        };
        "configure": "Configure verification";
      };
      "aml": {
        "view": "See compliance notes";
        "write": "Write compliance notes";
      };
      "accounts": {
        "view": "See trading accounts";
        "open": "Open trading accounts";
        "restrict": "Restrict trading accounts";
        "leverage": "Change leverage";
        "credit": "Give credit";
      };
      "deposits": {
        "view": "See deposits";
        "manage": "Manage deposits";
      };
      "disputes": {
        "view": "See disputes";
        "manage": "Manage disputes";
      };
      "withdrawals": {
        "view": "See withdrawals";
        "review": "Review withdrawals";
        "approve": "Approve withdrawals";
        "override": "Override withdrawal rules";
        "payout": "Pay withdrawals";
      };
      "approvals": {
        "view": "See approvals";
      };
      "ledger": {
        "view": "See the ledger";
        "export": "Export the ledger";
        "adjust": "Adjust the ledger";
      };
      "transfers": {
        "view": "See transfers";
      };
      "partners": {
        "view": "See partners";
        "manage": "Manage partners";
      };
      "plans": {
        "manage": "Manage commission plans";
      };
      "commission": {
        "view": "See commissions";
      };
      "statements": {
        "close": "Close statements";
      };
      "payouts": {
        "prepare": "Prepare partner payouts";
        "release": "Release partner payouts";
      };
      "rules": {
        "view": "See rules";
        "edit": "Edit rules";
      };
      "settings": {
        "view": "See settings";
        "edit": "Edit settings";
      };
      "entities": {
        "edit": "Edit entities";
      };
      "staff": {
        "view": "See staff";
        "manage": "Manage staff";
      };
      "roles": {
        "manage": "Manage roles";
      };
      "apikeys": {
        "manage": "Manage API keys";
      };
      "audit": {
        "view": "See the audit log";
        "verify": "Verify the audit log";
      };
      "exceptions": {
        "view": "See exceptions";
        "work": "Work on exceptions";
      };
      "jobs": {
        "view": "See jobs";
        "retry": "Retry jobs";
      };
      "connections": {
        "view": "See connections";
        "manage": "Manage connections";
      };
      "reports": {
        "view": "See reports";
      };
      "me": {
        "view": "See own things";
        "edit": "Edit own data";
        "kyc": "Own verification";
        "accounts": "Own accounts";
        "deposit": "Deposit";
        "withdraw": "Withdraw";
        "transfer": "Transfer";
        "statements": "Own statements";
        "partner": "Own partner account";
        "security": "Own security";
      };
    };
    "action": {
      "login": {
        "created": "Login created";
        "disabled": "Login disabled";
        "enabled": "Login enabled";
        "locked": "Login locked";
        "email_changed": "E-mail changed";
        "email_verified": "E-mail confirmed";
        "password_changed": "Password changed";
        "password_reset": "Password reset";
        "second_factor_added": "Second factor added";
        "second_factor_removed": "Second factor removed";
        "recovery_codes_renewed": "Recovery codes renewed";
      };
      "session": {
        "started": "Signed in";
        "ended": "Signed out";
        "others_ended": "Other sessions ended";
      };
      "lead": {
        "created": "Lead created";
        "returned": "Lead came back";
      };
      "client": {
        "registered": "Registered";
        "email_verified": "E-mail confirmed";
        "profile_saved": "Profile saved";
        "changed": "Record changed";
        "stage_changed": "Stage changed";
        "assigned": "Owner changed";
        "restricted": "Restricted";
        "unrestricted": "Restriction lifted";
        "merged": "Joined with another record";
        "unmerged": "Taken apart again";
        "linked": "Linked";
        "duplicate_found": "Possible duplicate";
        "duplicate_dismissed": "Not a duplicate";
        "partner_changed": "Partner changed";
      };
      "client_file": {
        "exported": "Client file exported";
      };
      "note": {
        "added": "Note added";
      };
      "call": {
        "logged": "Call logged";
      };
      "message": {
        "logged": "Message logged";
      };
      "task": {
        "added": "Task added";
        "changed": "Task changed";
      };
      "mail": {
        "sent": "Mail sent";
        "refused": "Mail refused";
      };
      "kyc": {
        "case_opened": "Verification opened";
        "document_uploaded": "Document uploaded";
        "document_viewed": "Document looked at";
        "document_read": "Document read";
        "document_accepted": "Document accepted";
        "document_rejected": "Document rejected";
        "document_expired": "Document expired";
        "questionnaire_answered": "Test answered";
        "warning_acknowledged": "Warning confirmed";
        "submitted": "Handed in";
        "sent_to_review": "Sent to review";
        "check_recorded": "Check recorded";
        "claimed": "Claimed by a reviewer";
        "released": "Released by the reviewer";
        "reassigned": "Given to another reviewer";
        "resubmission_requested": "Asked for again";
        "approved": "Verification approved";
        "rejected": "Verification rejected";
        "expired": "Verification expired";
        "reopened": "Verification reopened";
        "expiry_reminded": "Reminded of expiry";
        "applicant_changed": "Applicant data changed";
      };
      "trading_account": {
        "requested": "Trading account requested";
        "passwords_shown": "Passwords shown";
        "leverage_changed": "Leverage changed";
        "rights_changed": "Trading rights changed";
        "credit_given": "Credit given";
        "credit_taken_back": "Credit taken back";
        "changed_on_platform": "Changed on the trading server";
      };
      "deposit": {
        "created": "Deposit created";
        "state_changed": "Deposit moved on";
      };
      "dispute": {
        "state_changed": "Dispute moved on";
      };
      "withdrawal": {
        "requested": "Withdrawal requested";
        "state_changed": "Withdrawal moved on";
        "claimed": "Withdrawal claimed";
        "released": "Withdrawal released";
        "handed_over": "Withdrawal handed over";
        "approval_given": "Approval given";
        "leg_settled": "Part of a withdrawal settled";
      };
      "transfer": {
        "created": "Transfer created";
        "state_changed": "Transfer moved on";
      };
      "platform_move": {
        "done": "Money arrived at the server";
        "refused": "Server refused money";
        "unknown": "Outcome at the server unknown";
        "retried": "Move tried again";
        "given_back": "Money given back";
      };
      "approval": {
        "requested": "Approval requested";
        "given": "Approval given";
        "refused": "Approval refused";
        "cancelled": "Approval withdrawn";
        "expired": "Approval expired";
      };
      "exception": {
        "raised": "Exception raised";
        "assigned": "Exception assigned";
        "noted": "Note on an exception";
        "resolved": "Exception resolved";
        "dismissed": "Exception dismissed";
      };
      "staff": {
        "created": "Staff member created";
        "invited": "Staff member invited";
        "changed": "Staff member changed";
        "enabled": "Staff member enabled";
        "disabled": "Staff member disabled";
        "unlocked": "Staff member unlocked";
        "second_factor_reset": "Second factor reset";
      };
      "role": {
        "changed": "Role changed";
      };
      "api_key": {
        "created": "API key created";
        "revoked": "API key revoked";
      };
      "setting": {
        "save": "Setting saved";
      };
      "entity": {
        "save": "Entity saved";
      };
      "brand": {
        "save": "Brand saved";
      };
      "desk": {
        "save": "Desk saved";
      };
      "rule": {
        "save": "Rule saved";
      };
      "rule_set": {
        "save": "Rule set saved";
      };
      "job": {
        "retried": "Job tried again";
      };
      "commission": {
        "accrued": "Commission earned";
        "stopped": "Commission stopped";
      };
      "statement": {
        "closed": "Statement closed";
      };
      "partner": {
        "paid": "Partner paid";
        "create": "Partner created";
        "edit": "Partner changed";
        "move": "Partner moved";
        "state": "Partner state changed";
      };
      "plan": {
        "save": "Commission plan saved";
        "use": "Commission plan assigned";
      };
      "payout": {
        "prepare": "Payout prepared";
        "decide": "Payout decided";
        "paid": "Payout paid";
        "returned": "Payout came back";
      };
      "audit": {
        "seal": "Checkpoint sealed";
      };
      "decision": {
        "made": "Decided by rule";
      };
    };
  };
  "partner": {
    "portal": "Partner Portal";
    "nav": {
      "home": "Home";
    };
    "home": {
      "title": "Welcome, {{name}}";
      "empty": "Your portal is being set up";
    };
  };
  "security": {
    "close": "Close";
    "loading": "Loading";
    "retry": "Try again";
    "required": "Please fill this in";
    "reference": "Reference to quote:";
    "outcome_unknown": "We don’t know yet whether it arrived. Trying again is safe: it is done only once.";
    "device": "{{browser}} on {{system}}";
    "device_unknown": "Unknown device";
    "step_up": {
      "title": "Confirm it’s you";
      "why": "This needs a fresh proof. What you were doing goes on right after it.";
      "confirm": "Confirm";
      "cancel": "Cancel";
    };
    "code": {
      "label": "Code from your authenticator app";
      "or_recovery": "Six digits, or one of your recovery codes";
    };
    "password": {
      "title": "Password";
      "yours": "Your password";
      "current": "Present password";
      "new": "New password";
      "change": "Change password";
      "save": "Save new password";
      "changed": "Your password was changed. Other sessions have ended.";
      "others_end": "Changing it ends your other sessions.";
      "rule_long_one": "At least {{count}} character";
      "rule_long_other": "At least {{count}} characters";
      "rule_own": "Not your name or e-mail address, and none of the well-known ones";
      "met": "met";
      "not_met": "not met yet";
    };
    "totp": {
      "title": "Authenticator app";
      "on": "On";
      "off": "Off";
      "on_text": "Signing in and moving money ask for a code from your app.";
      "off_text": "A code from an app on your phone protects your account even if somebody learns your password.";
      "set_up": "Set up authenticator app";
      "added": "The authenticator app is on. Other sessions have ended.";
      "remove": "Turn it off";
      "removed": "The authenticator app is off. Other sessions have ended.";
      "remove_text": "After that your password alone is enough to sign in. Your recovery codes stop working.";
      "keep": "Keep it on";
    };
    "enrol": {
      "scan": "Scan this picture with an authenticator app (Google Authenticator, 1Password, Aegis or another).";
      "picture": "QR code for your authenticator app; the same key is below as text";
      "type": "Can’t scan? Type this key:";
      "code": "The code your app shows now";
      "confirm": "Confirm code";
    };
    "recovery": {
      "title": "Recovery codes";
      "why": "If you lose your phone, each of these codes lets you in once. They are shown only now: keep them where you keep important papers.";
      "save": "Save as a file";
      "copy": "Copy";
      "copied": "Copied";
      "kept": "I have stored these codes in a safe place";
      "wait": "Tick the box once you have stored the codes.";
      "done": "Done";
      "renew": "New recovery codes";
      "left_zero": "No recovery codes left";
      "left_one": "{{count}} recovery code left";
      "left_other": "{{count}} recovery codes left";
    };
    "sessions": {
      "title": "Where you are signed in";
      "text": "End what you don’t recognise, then change your password.";
      "since": "Signed in";
      "seen": "last active";
      "this": "This device";
      "end": "End session";
      "end_others": "End all others";
      "ended_one": "{{count}} session ended";
      "ended_other": "{{count}} sessions ended";
    };
    "sign_ins": {
      "title": "Recent sign-ins";
      "text": "Failed tries too. If one of them was not you, change your password.";
      "new_device": "new device";
    };
    "outcome": {
      "ok": "Signed in";
      "step_up": "Identity confirmed";
      "step_up_failed": "Confirmation failed";
      "locked": "Blocked after failures";
      "wrong_password": "Wrong password";
      "disabled": "Access is closed";
      "code_missing": "Code asked for";
      "wrong_code": "Wrong code";
    };
    "email": {
      "title": "E-mail address";
      "proven": "Confirmed";
      "open": "Not confirmed yet";
      "proven_text": "You sign in with it, and our mails go there.";
      "open_text": "Open the link in our mail to confirm it. Until then you cannot pay in.";
      "send_again": "Send the link again";
      "sent": "A mail with a link is on its way.";
      "change": "Change address";
      "new": "New e-mail address";
      "new_text": "We send a link there; it counts once you open it.";
      "save": "Save and send the link";
    };
  };
  "status": {
    "stage": {
      "lead": "Lead";
      "registered": "Registered";
      "verified": "Verified";
      "funded": "Funded";
      "dormant": "Dormant";
      "churned": "Churned";
    };
    "lead_status": {
      "new": "New";
      "contacted": "Contacted";
      "no_answer": "No answer";
      "callback": "Call back";
      "interested": "Interested";
      "not_interested": "Not interested";
    };
    "kyc": {
      "none": "Not started";
      "open": "Open";
      "collecting": "Collecting documents";
      "submitted": "Waits for review";
      "in_review": "In review";
      "resubmission": "Asked again";
      "approved": "Approved";
      "rejected": "Rejected";
      "expired": "Expired";
    };
    "kyc_client": {
      "none": "Not started yet";
      "open": "To do";
      "collecting": "Something is missing";
      "submitted": "We are checking it";
      "in_review": "We are checking it";
      "resubmission": "We need something again";
      "approved": "Verified";
      "rejected": "Not accepted";
      "expired": "Please renew";
    };
    "level": {
      "standard": "Standard";
      "enhanced": "Enhanced";
    };
    "requirement": {
      "missing": "Missing";
      "side_missing": "A side is missing";
      "pending": "Waits for review";
      "rejected": "Rejected";
      "accepted": "Accepted";
    };
    "document": {
      "pending": "Waits for review";
      "accepted": "Accepted";
      "rejected": "Rejected";
      "replaced": "Replaced";
      "outdated": "Out of date";
    };
    "side": {
      "single": "One page";
      "front": "Front";
      "back": "Back";
    };
    "check_kind": {
      "data_complete": "Data complete";
      "document_quality": "Documents readable";
      "data_match": "Documents match the data";
      "screening": "Sanctions and PEP lists";
      "duplicate": "Other accounts";
      "device_location": "Device and location";
    };
    "check": {
      "clear": "Clear";
      "hit": "Hit";
      "error": "Not answered";
      "pending": "Pending";
    };
    "band": {
      "low": "Low risk";
      "medium": "Medium risk";
      "high": "High risk";
    };
    "appropriateness": {
      "pass": "Appropriate";
      "warn": "Warning";
      "block": "Not allowed";
    };
    "deposit": {
      "created": "Created";
      "redirected": "Sent to the provider";
      "pending": "Waits for the provider";
      "held": "Held for a check";
      "succeeded": "Paid, not booked yet";
      "posted": "Booked";
      "failed": "Failed";
      "expired": "Expired";
      "cancelled": "Cancelled";
    };
    "deposit_client": {
      "created": "Started";
      "redirected": "Waiting for your payment";
      "pending": "On its way";
      "held": "Being checked";
      "succeeded": "Received";
      "posted": "In your wallet";
      "failed": "Did not go through";
      "expired": "Not paid in time";
      "cancelled": "Cancelled";
    };
    "withdrawal": {
      "collecting": "Fetching the money";
      "deciding": "Rules decide";
      "review": "Waits for approval";
      "approved": "Approved";
      "paying": "Being paid";
      "paid": "Paid";
      "returned": "Came back";
      "refused": "Refused by the provider";
      "rejected": "Rejected";
      "cancelled": "Cancelled";
    };
    "withdrawal_client": {
      "collecting": "Being prepared";
      "deciding": "Being checked";
      "review": "Being checked";
      "approved": "Approved";
      "paying": "On its way to you";
      "paid": "Paid";
      "returned": "Came back to your wallet";
      "refused": "Did not go through";
      "rejected": "Not approved";
      "cancelled": "Cancelled";
    };
    "leg": {
      "planned": "Planned";
      "sending": "Sending";
      "pending": "Waits for the provider";
      "paid": "Paid";
      "returned": "Came back";
    };
    "transfer": {
      "collecting": "Fetching the money";
      "sending": "On its way";
      "done": "Done";
      "refused": "Refused";
      "returned": "Came back";
    };
    "move": {
      "queued": "Queued";
      "sending": "Sending";
      "unknown": "Outcome unknown";
      "done": "Done";
      "refused": "Refused";
      "returned": "Given back";
    };
    "move_kind": {
      "balance": "Balance";
      "credit": "Credit";
    };
    "direction": {
      "to_platform": "To the trading server";
      "from_platform": "From the trading server";
      "in": "Incoming";
      "out": "Outgoing";
    };
    "account": {
      "requested": "Requested";
      "opening": "Being opened";
      "ready": "Ready";
      "failed": "Not opened";
      "closed": "Closed";
    };
    "account_kind": {
      "live": "Live";
      "demo": "Demo";
    };
    "sync": {
      "synced": "In step with the server";
      "pending": "Waits for the server";
      "failed": "Differs from the server";
    };
    "trading_rights": {
      "full": "May trade";
      "read_only": "Close only";
      "blocked": "Blocked";
    };
    "approval": {
      "waiting": "Waits for people";
      "approved": "Approved";
      "refused": "Refused";
      "cancelled": "Cancelled";
      "expired": "Expired";
    };
    "exception": {
      "open": "Open";
      "resolved": "Resolved";
      "dismissed": "Dismissed";
    };
    "rule": {
      "active": "Active";
      "shadow": "Shadow";
      "retired": "Retired";
    };
    "partner": {
      "applied": "Applied";
      "active": "Active";
      "suspended": "Suspended";
      "terminated": "Terminated";
    };
    "share": {
      "active": "Active";
      "held": "Held";
      "refused": "Refused";
    };
    "attribution": {
      "code": "By code";
      "last_click": "Last click";
      "none": "None";
      "manual": "By hand";
    };
    "payout": {
      "prepared": "Waits for release";
      "released": "Released";
      "paid": "Paid";
      "refused": "Refused";
      "returned": "Came back";
    };
    "payout_method": {
      "wallet": "Wallet";
      "bank": "Bank transfer";
    };
    "statement": {
      "open": "Open";
      "closed": "Closed";
      "paid": "Paid";
    };
    "line": {
      "accrual": "Earned";
      "reversal": "Taken back";
    };
    "task": {
      "open": "Open";
      "done": "Done";
      "cancelled": "Cancelled";
    };
    "duplicate": {
      "open": "To decide";
      "merged": "Joined";
      "linked": "Linked";
      "dismissed": "Other people";
    };
    "mark": {
      "email": "Same e-mail";
      "phone": "Same phone";
      "name_birth": "Same name and birth date";
      "document": "Same document";
    };
    "restriction": {
      "deposits": "Deposits stopped";
      "withdrawals": "Withdrawals stopped";
      "trading": "Trading stopped";
      "sign_in": "Sign-in stopped";
      "everything": "Everything stopped";
    };
    "call": {
      "reached": "Reached";
      "no_answer": "No answer";
      "voicemail": "Voicemail";
      "wrong_number": "Wrong number";
      "callback": "Call back";
    };
    "channel": {
      "chat": "Chat";
      "whatsapp": "WhatsApp";
      "telegram": "Telegram";
      "sms": "SMS";
      "social": "Social media";
      "other": "Other";
      "email": "E-mail";
      "phone": "Phone";
    };
    "note_kind": {
      "general": "Note";
      "aml": "Compliance note";
    };
    "mail": {
      "queued": "Queued";
      "sent": "Sent";
      "refused": "Refused";
    };
    "hold": {
      "pending": "Set aside";
      "settled": "Settled";
      "released": "Released";
      "expired": "Expired";
    };
    "dispute": {
      "open": "Open";
      "needs_response": "Answer needed";
      "under_review": "Under review";
      "won": "Won";
      "lost": "Lost";
      "closed": "Closed";
    };
    "identity": {
      "active": "Active";
      "disabled": "Disabled";
      "invited": "Invited";
      "locked": "Locked";
    };
    "inbox": {
      "new": "New";
      "processed": "Processed";
      "ignored": "Ignored";
      "failed": "Failed";
    };
    "connection": {
      "up": "Up";
      "slow": "Slow";
      "down": "Down";
      "unknown": "Unknown";
    };
    "desk_kind": {
      "sales": "Sales";
      "retention": "Retention";
      "partner": "Partners";
      "support": "Support";
    };
    "step_state": {
      "done": "done";
      "current": "in progress";
      "waiting": "not yet";
      "failed": "failed";
      "todo": "to do";
      "attention": "needs you";
      "partial": "begun";
      "complete": "complete";
    };
    "step": {
      "deposit": {
        "requested": "Requested";
        "pay_at_provider": "Pay at the provider";
        "confirmed_by_provider": "Confirmed by the provider";
        "checked": "Checked";
        "in_wallet": "In the wallet";
        "on_trading_account": "On the trading account";
      };
      "withdrawal": {
        "requested": "Requested";
        "off_trading_account": "Taken off the trading account";
        "approved": "Approved";
        "sent": "Sent to the provider";
        "paid": "Paid";
      };
      "profile": "About you";
      "questionnaire": "Appropriateness test";
      "document": {
        "identity": "Identity document";
        "address": "Proof of address";
        "funds": "Source of funds";
        "tax": "Tax card";
        "selfie": "Picture of yourself";
      };
      "review": "Review";
    };
    "waiting_for": {
      "client": "Waits for the client";
      "compliance": "Waits for compliance";
      "finance": "Waits for finance";
      "provider": "Waits for the payment provider";
      "platform": "Waits for the trading server";
      "bank": "Waits for the bank";
    };
    "missing": {
      "questionnaire.passed": "The test is not passed";
      "questionnaire.warning": "The warning is not confirmed";
      "questionnaire": "The test";
      "profile.first_name": "First name";
      "profile.last_name": "Last name";
      "profile.birth_date": "Date of birth";
      "profile.nationality": "Nationality";
      "profile.place_of_birth": "Place of birth";
      "profile.street": "Street";
      "profile.postal_code": "Postal code";
      "profile.city": "City";
      "profile.country": "Country";
      "profile.occupation": "Occupation";
      "profile.employer": "Employer";
      "profile.industry": "Industry";
      "profile.annual_income": "Annual income";
      "profile.net_worth": "Net worth";
      "profile.source_of_funds": "Source of funds";
      "profile.tax_country": "Tax residence";
      "profile.tax_number": "Tax number";
      "profile.pep": "Political exposure";
      "document.identity": "Identity document";
      "document.identity.front": "Identity document, front";
      "document.identity.back": "Identity document, back";
      "document.address": "Proof of address";
      "document.funds": "Source of funds";
      "document.tax": "Tax card";
      "document.selfie": "Picture of yourself";
    };
    "purpose": {
      "wallet": "Wallet";
      "clearing": "Clearing";
      "transit": "In transit";
      "platform": "Trading server";
      "payout_transit": "Payout in transit";
      "fees": "Fees";
      "chargebacks": "Chargebacks";
      "trading_result": "Trading result";
      "commission_expense": "Commission expense";
      "commission_payable": "Commission payable";
      "fx_position": "Currency position";
      "suspense": "Suspense";
      "credit_given": "Credit given";
    };
    "role": {
      "sales": "Sales";
      "sales_manager": "Sales manager";
      "compliance": "Compliance";
      "finance": "Finance";
      "support": "Support";
      "ops": "Operations";
      "partner_manager": "Partner manager";
      "auditor": "Auditor";
      "super_admin": "Administrator";
      "client": "Client";
      "partner": "Partner";
      "public": "Everybody";
    };
    "scope": {
      "own": "Own";
      "desk": "Desk";
      "entity": "Entity";
      "all": "All";
    };
    "mask": {
      "contact": "contact data";
      "money": "amounts and balances";
      "bank": "bank and card numbers";
      "aml": "compliance notes and screening";
      "documents": "identity documents";
      "partner_clients": "who a partner's clients are";
    };
    "queue": {
      "tasks": "My tasks";
      "leads": "New leads";
      "kyc": "Verifications";
      "withdrawals": "Withdrawals";
      "deposits": "Held deposits";
      "payouts": "Partner payouts";
      "partners": "Partner applications";
      "disputes": "Disputes";
      "duplicates": "Possible duplicates";
      "tickets": "Tickets";
      "exceptions": "Exceptions";
      "exceptions.compliance": "Exceptions for compliance";
      "exceptions.finance": "Exceptions for finance";
      "exceptions.ops": "Exceptions for operations";
      "exceptions.sales": "Exceptions for sales";
      "exceptions.partner_manager": "Exceptions for partners";
      "exceptions.support": "Exceptions for support";
    };
    "exception_kind": {
      "bus": {
        "stuck": "Events do not move on";
      };
      "deposit": {
        "amount_differs": "Amount differs from the order";
        "no_answer": "The provider does not answer about a deposit";
        "flagged": "A deposit was flagged";
      };
      "dispute": {
        "opened": "A payment is disputed";
      };
      "inbox": {
        "unreadable": "A callback could not be read";
      };
      "job": {
        "dead": "A job gave up";
      };
      "kyc": {
        "review_overdue": "A review is overdue";
        "risk": "Risk could not be rated";
        "watchlist": "A watch list matched";
        "document_expiring": "A document expires";
      };
      "lead": {
        "unrouted": "A lead has no owner";
      };
      "platform": {
        "account_refused": "The trading server refused an account";
        "change_refused": "The trading server refused a change";
        "debit_refused": "The trading server refused a debit";
        "move_refused": "The trading server refused money";
        "move_stuck": "Money is stuck on its way";
        "money_differs": "Balance differs from the server";
        "foreign_money": "Money on the server that nobody booked";
        "feed_unreadable": "The deal feed could not be read";
      };
      "psp": {
        "answer_unreadable": "A provider's answer could not be read";
        "unknown_reference": "A payment nobody asked for";
      };
      "schedule": {
        "failing": "A regular job keeps failing";
      };
      "statement": {
        "close": "A statement could not be closed";
      };
      "partner": {
        "self_referral": "A partner may have referred themselves";
      };
      "withdrawal": {
        "bank_transfer": "A bank transfer must be sent";
        "override": "A withdrawal was pushed through";
        "returned": "A payout came back";
        "rules": "The withdrawal rules failed";
        "unclear": "Outcome of a payout unclear";
      };
    };
    "reason": {
      "declined": "The card was declined";
      "insufficient_funds": "Not enough money on the card";
      "expired_card": "The card has expired";
      "abandoned": "Not finished";
      "not_confirmed": "Not confirmed";
      "amount_differs": "The amount differs";
      "details_wrong": "The details do not fit";
      "funds_in_use": "Needed for open positions";
      "documents_needed": "Documents are needed first";
      "timeout": "No answer in time";
      "platform_refused": "Refused by the trading server";
      "no_money": "Not enough free money";
      "cancelled_by_client": "Cancelled by the client";
      "fraud": "Suspected fraud";
      "other": "Other";
    };
    "signal": {
      "rule_error": "A rule could not be evaluated";
      "no_rule_lets_it_pass": "No rule lets it pass";
      "amount_over_limit": "Amount over the limit";
      "new_device": "New device";
      "new_payment_method": "New means of payment";
      "payment_method_changed": "Means of payment changed";
      "no_trading": "Hardly any trading";
      "kyc_not_approved": "Not verified";
      "high_risk": "High risk";
      "chargeback": "Chargeback before";
      "third_party": "Money of a third party";
      "password_changed": "Password changed lately";
      "phone_changed": "Phone changed lately";
      "open_positions": "Open positions";
      "credit_on_account": "Credit on the account";
      "first_withdrawal": "First withdrawal";
      "many_withdrawals": "Many withdrawals in short time";
    };
    "line_kind": {
      "per_lot": "Per lot";
      "per_million": "Per million";
      "spread_share": "Share of the spread";
      "revenue_share": "Revenue share";
      "cpa": "CPA";
      "override": "Override";
      "rebate": "Rebate";
    };
  };
  "trader": {
    "nav": {
      "home": "Home";
    };
    "home": {
      "title": "Welcome, {{name}}";
      "empty": "Your room is being set up";
    };
  };
}

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'common';
    fallbackNS: 'common';
    resources: Texts;
    returnNull: false;
    strictInterpolationChecks: true;
  }
}
