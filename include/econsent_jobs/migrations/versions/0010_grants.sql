-- Nobody may delete or change what only grows, whatever else a role may do; nobody reaches a partition except through its parent.
REVOKE ALL ON SCHEMA econsent FROM public;
REVOKE ALL ON ALL TABLES IN SCHEMA econsent FROM public;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA econsent FROM public;

-- certificate_processing: reads what a certificate is made of, computes it, and announces it in the same transaction.
GRANT SELECT ON
econsent.companies, econsent.properties, econsent.consent_templates, econsent.sessions, econsent.retention_settings,
econsent.certificates, econsent.attestations, econsent.audit_log, econsent.storage_objects, econsent.retention_usage_items
TO econsent_certificate_processing;
GRANT SELECT, UPDATE, DELETE ON econsent.certificate_queue TO econsent_certificate_processing;
GRANT SELECT, INSERT, DELETE ON econsent.sealed_documents TO econsent_certificate_processing;
GRANT UPDATE (
    status, domain, certificate_id, entropy, consent_records, fingerprint, payload_string, consent_hash, recording_path, recording_hashes,
    signature, signature_key_id, issued_at, finalized_at, expires_at, retain_until, error_class, last_error
) ON econsent.certificates TO econsent_certificate_processing;
GRANT UPDATE (
    closed_at, recording_path, recording_bytes, recording_events, recording_sha256, retention_status, retention_source, retained_at,
    rrweb_to_video_status, row_version, updated_at
) ON econsent.sessions TO econsent_certificate_processing;
GRANT INSERT ON
econsent.attestations, econsent.storage_objects, econsent.webhook_events, econsent.audit_log, econsent.retention_usage_items,
econsent.mail_outbox
TO econsent_certificate_processing;
GRANT SELECT (event_id, dedupe_key) ON econsent.webhook_events TO econsent_certificate_processing;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_certificate_processing;

-- mp4_conversion: reads recordings' rows, works through its queue, and records what it stored. It needs no consumer's name or number.
GRANT SELECT ON
econsent.companies, econsent.properties, econsent.sessions, econsent.retention_settings, econsent.legal_holds, econsent.storage_objects,
econsent.video_conversions, econsent.audit_log
TO econsent_mp4_conversion;
GRANT SELECT (
    company_id, certificate_pk, session_id, property_id, submission_no, source, status, consent_at, certificate_id, consent_hash,
    recording_path, recording_hashes, issued_at, finalized_at, expires_at, retain_until, row_version
) ON econsent.certificates TO econsent_mp4_conversion;
GRANT UPDATE (
    status, priority, started_at, finished_at, attempts, lost_leases, next_attempt_at, lease_token, leased_until, progress_percent,
    source_sha256, source_events, promoted_snapshot_index, width, height, fps, duration_ms, truncated, output_bytes, output_sha256,
    storage_object_id, render_ms, encode_ms, tool_versions, error_class, last_error
) ON econsent.video_conversions TO econsent_mp4_conversion;
GRANT UPDATE (closed_at, recording_bytes, recording_events, recording_sha256, rrweb_to_video_status, row_version, updated_at)
ON econsent.sessions TO econsent_mp4_conversion;
GRANT SELECT, INSERT, DELETE ON econsent.sealed_files TO econsent_mp4_conversion;
GRANT UPDATE (retain_until, last_accessed_at) ON econsent.storage_objects TO econsent_mp4_conversion;
GRANT INSERT ON econsent.storage_objects, econsent.audit_log, econsent.mail_outbox TO econsent_mp4_conversion;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_mp4_conversion;

-- retention_enforcement: retains, archives, expires, erases. It deletes no row of evidence: what goes leaves a tombstone.
GRANT SELECT ON
econsent.companies, econsent.memberships, econsent.properties, econsent.sessions, econsent.certificates, econsent.attestations,
econsent.video_conversions, econsent.retention_settings, econsent.retention_usage, econsent.retention_usage_items,
econsent.storage_objects, econsent.legal_holds, econsent.tombstones, econsent.suppressions, econsent.deletion_requests,
econsent.claim_tokens, econsent.sealed_documents, econsent.sealed_files, econsent.search_outbox, econsent.search_targets,
econsent.webhook_events, econsent.webhook_deliveries, econsent.webhook_attempts, econsent.usage_events, econsent.audit_log,
econsent.audit_personal, econsent.mail_outbox
TO econsent_retention_enforcement;
GRANT UPDATE (name, status, closed_at) ON econsent.companies TO econsent_retention_enforcement;
GRANT UPDATE (
    closed_at, page_url, ip, user_agent, browser_language, geo, recording_path, recording_bytes, recording_events, recording_sha256,
    retention_status, retention_source, retained_at, expires_at, rrweb_to_video_status, row_version, updated_at
) ON econsent.sessions TO econsent_retention_enforcement;
GRANT UPDATE (
    status, capture, dom_staging_path, consumer_phone, consumer_email, consumer_name, ip, user_agent, browser_language, geo,
    consent_records, fingerprint, payload_string, opt_out, expires_at, retain_until, pii_erased_at, last_error
) ON econsent.certificates TO econsent_retention_enforcement;
GRANT UPDATE (form_data_sha256, interaction_chain, document) ON econsent.attestations TO econsent_retention_enforcement;
GRANT INSERT ON
econsent.retention_usage, econsent.retention_usage_items, econsent.storage_objects, econsent.sealed_files, econsent.tombstones,
econsent.suppressions, econsent.audit_log, econsent.mail_outbox
TO econsent_retention_enforcement;
GRANT UPDATE (notified_at) ON econsent.retention_usage TO econsent_retention_enforcement;
GRANT UPDATE (tier, storage_class, retain_until, state, tiered_at, expired_at, deleted_at)
ON econsent.storage_objects TO econsent_retention_enforcement;
GRANT UPDATE (email, phone, status, deferred_until, completed_at, confirmation_sent_at, result)
ON econsent.deletion_requests TO econsent_retention_enforcement;
GRANT UPDATE (status, review_reason) ON econsent.claim_tokens TO econsent_retention_enforcement;
GRANT UPDATE (salt, details), DELETE ON econsent.audit_personal TO econsent_retention_enforcement;
GRANT UPDATE (body) ON econsent.webhook_events TO econsent_retention_enforcement;
GRANT UPDATE (last_error) ON econsent.webhook_deliveries TO econsent_retention_enforcement;
GRANT UPDATE (response_excerpt, error), DELETE ON econsent.webhook_attempts TO econsent_retention_enforcement;
GRANT UPDATE (last_error) ON econsent.video_conversions TO econsent_retention_enforcement;
GRANT UPDATE (last_error) ON econsent.search_outbox TO econsent_retention_enforcement;
GRANT UPDATE (last_error) ON econsent.usage_events TO econsent_retention_enforcement;
GRANT UPDATE (attempts, next_attempt_at, lease_token, leased_until, last_error, sent_at), DELETE
ON econsent.mail_outbox TO econsent_retention_enforcement;
GRANT DELETE ON econsent.sealed_documents, econsent.sealed_files TO econsent_retention_enforcement;

-- elasticsearch_sync: reads the rows it projects and closes outbox rows. Touching a certificate is how wrong content is repaired.
GRANT SELECT ON
econsent.companies, econsent.properties, econsent.sessions, econsent.certificates, econsent.attestations, econsent.audit_log
TO econsent_elasticsearch_sync;
GRANT SELECT, INSERT, UPDATE, DELETE ON econsent.search_outbox, econsent.search_targets TO econsent_elasticsearch_sync;
GRANT UPDATE (updated_at) ON econsent.certificates TO econsent_elasticsearch_sync;
GRANT INSERT ON econsent.audit_log, econsent.mail_outbox TO econsent_elasticsearch_sync;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_elasticsearch_sync;

-- webhook_delivery_retry: fans out, sends, and reviews endpoints. It never changes what is sent.
GRANT SELECT ON
econsent.companies, econsent.memberships, econsent.webhook_endpoints, econsent.webhook_secrets, econsent.webhook_events,
econsent.webhook_deliveries, econsent.webhook_attempts, econsent.audit_log
TO econsent_webhook_delivery_retry;
GRANT INSERT ON econsent.webhook_deliveries, econsent.webhook_attempts, econsent.audit_log, econsent.mail_outbox
TO econsent_webhook_delivery_retry;
GRANT UPDATE (fanned_out_at) ON econsent.webhook_events TO econsent_webhook_delivery_retry;
GRANT UPDATE (
    status, attempts, max_attempts, lost_leases, next_attempt_at, lease_token, leased_until, last_status_code, last_error_class, last_error,
    delivered_at
) ON econsent.webhook_deliveries TO econsent_webhook_delivery_retry;
GRANT UPDATE (status, disabled_at, paused_until, circuit, circuit_until, first_failure_at, last_success_at, updated_at)
ON econsent.webhook_endpoints TO econsent_webhook_delivery_retry;
GRANT UPDATE (documented_header, ends_at) ON econsent.webhook_secrets TO econsent_webhook_delivery_retry;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_webhook_delivery_retry;

-- wallet_reconciliation: posts and repairs. The ledger has no INSERT for it: entries come only through the function that chains them.
GRANT SELECT ON
econsent.companies, econsent.memberships, econsent.wallets, econsent.price_book, econsent.usage_events, econsent.payments,
econsent.payment_refunds, econsent.wallet_ledger, econsent.wallet_periods, econsent.wallet_reconciliations,
econsent.retention_settings, econsent.retention_usage, econsent.retention_usage_items, econsent.audit_log
TO econsent_wallet_reconciliation;
GRANT UPDATE (
    balance, low_balance_notified_at, auto_recharge_enabled, auto_recharge_failures, checkpoint_entry_no, checkpoint_balance,
    last_reconciled_at, updated_at
) ON econsent.wallets TO econsent_wallet_reconciliation;
GRANT UPDATE (status, error_class, last_error, ledger_id) ON econsent.usage_events TO econsent_wallet_reconciliation;
GRANT UPDATE (refunded_amount, status, provider_ref, settled_at) ON econsent.payments TO econsent_wallet_reconciliation;
GRANT UPDATE (overage_billed) ON econsent.retention_usage TO econsent_wallet_reconciliation;
GRANT INSERT ON
econsent.payments, econsent.payment_refunds, econsent.wallet_periods, econsent.wallet_reconciliations, econsent.retention_usage,
econsent.audit_log, econsent.mail_outbox
TO econsent_wallet_reconciliation;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_wallet_reconciliation;

-- The web platform: captures, settings, and what people do in the dashboard. It computes nothing of a certificate and posts no charge.
GRANT EXECUTE ON FUNCTION econsent.create_company(text, text, text) TO econsent_platform;
GRANT SELECT ON
econsent.companies, econsent.memberships, econsent.properties, econsent.consent_templates, econsent.sessions, econsent.certificates,
econsent.attestations, econsent.certificate_queue, econsent.video_conversions, econsent.retention_settings, econsent.retention_usage,
econsent.retention_usage_items, econsent.storage_objects, econsent.legal_holds, econsent.tombstones, econsent.suppressions,
econsent.deletion_requests, econsent.claim_tokens, econsent.webhook_endpoints, econsent.webhook_secrets, econsent.webhook_events,
econsent.webhook_deliveries, econsent.webhook_attempts, econsent.wallets, econsent.price_book, econsent.usage_events, econsent.payments,
econsent.payment_refunds, econsent.wallet_ledger, econsent.wallet_periods, econsent.audit_log, econsent.audit_personal
TO econsent_platform;
GRANT UPDATE (name, plan, status, third_party_verification_enabled, authorized_third_parties, closing_at)
ON econsent.companies TO econsent_platform;
GRANT INSERT, UPDATE, DELETE ON econsent.memberships TO econsent_platform;
GRANT INSERT, UPDATE (name, origin, masked_fields, consent_selectors, session_expiration, certificate_expiration, expiration_changed_at)
ON econsent.properties TO econsent_platform;
GRANT INSERT, UPDATE (name, status) ON econsent.consent_templates TO econsent_platform;
GRANT INSERT, UPDATE (
    last_chunk_at, closed_at, recording_path, recording_bytes, recording_events, recording_sha256, retention_status, retention_source,
    retained_at, expires_at, rrweb_to_video_status, last_accessed_at, row_version, updated_at
) ON econsent.sessions TO econsent_platform;
GRANT INSERT (
    company_id, session_id, source_ref, property_id, submission_no, source, status, consent_at, capture, dom_staging_path, consumer_phone,
    consumer_email, consumer_name, ip, user_agent, browser_language, geo, origin, domain, created_at, updated_at
), UPDATE (opt_out) ON econsent.certificates TO econsent_platform;
GRANT UPDATE (
    changed_at, auto_retention_enabled, auto_retention_mode, notify_on_overage, overage_notification_emails, monthly_quota,
    object_lock_years, updated_at
) ON econsent.retention_settings TO econsent_platform;
GRANT INSERT ON
econsent.retention_usage_items, econsent.legal_holds, econsent.deletion_requests, econsent.claim_tokens, econsent.webhook_endpoints,
econsent.webhook_secrets, econsent.webhook_events, econsent.usage_events, econsent.payments, econsent.payment_refunds,
econsent.audit_log, econsent.audit_personal, econsent.mail_outbox
TO econsent_platform;
GRANT UPDATE (last_accessed_at) ON econsent.storage_objects TO econsent_platform;
GRANT UPDATE (priority) ON econsent.video_conversions TO econsent_platform;
GRANT UPDATE (released_at, released_by, release_confirmed_by) ON econsent.legal_holds TO econsent_platform;
GRANT UPDATE (status, claimed_by_company_id, claimed_at) ON econsent.claim_tokens TO econsent_platform;
GRANT UPDATE (url, http_method, events, max_in_flight, max_per_second, status, disabled_at, paused_until, updated_at)
ON econsent.webhook_endpoints TO econsent_platform;
GRANT UPDATE (documented_header, ends_at), DELETE ON econsent.webhook_secrets TO econsent_platform;
GRANT UPDATE (status, max_attempts, next_attempt_at) ON econsent.webhook_deliveries TO econsent_platform;
GRANT UPDATE (status) ON econsent.usage_events TO econsent_platform;
GRANT UPDATE (refunded_amount, status, provider_ref, settled_at) ON econsent.payments TO econsent_platform;
GRANT UPDATE (low_balance_threshold, auto_recharge_enabled, auto_recharge_threshold, auto_recharge_amount, updated_at)
ON econsent.wallets TO econsent_platform;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_platform;

-- The dashboard counts and times; it sees no consumer, no secret and no document.
GRANT SELECT ON
econsent.companies, econsent.certificate_queue, econsent.video_conversions, econsent.retention_settings, econsent.retention_usage,
econsent.retention_usage_items, econsent.storage_objects, econsent.claim_tokens, econsent.search_outbox, econsent.search_targets,
econsent.webhook_endpoints, econsent.webhook_deliveries, econsent.wallets, econsent.usage_events, econsent.payments,
econsent.wallet_ledger, econsent.wallet_periods, econsent.wallet_reconciliations, econsent.audit_log, econsent.audit_chain,
econsent.alembic_version
TO econsent_dashboard;
GRANT SELECT (
    company_id, certificate_pk, session_id, property_id, source, status, consent_at, certificate_id, issued_at, finalized_at, expires_at,
    retain_until, error_class, row_version, created_at, updated_at
) ON econsent.certificates TO econsent_dashboard;
GRANT SELECT (
    company_id, session_id, property_id, started_at, last_chunk_at, closed_at, retention_status, retention_source, retained_at, expires_at,
    rrweb_to_video_status, row_version, created_at, updated_at
) ON econsent.sessions TO econsent_dashboard;
GRANT SELECT (event_id, company_id, event_type, occurred_at, fanned_out_at) ON econsent.webhook_events TO econsent_dashboard;
GRANT SELECT (hold_id, company_id, scope, placed_at, released_at) ON econsent.legal_holds TO econsent_dashboard;
GRANT SELECT (request_id, company_id, kind, received_at, due_at, status, deferred_until, completed_at)
ON econsent.deletion_requests TO econsent_dashboard;
GRANT SELECT (message_id, company_id, attempts, next_attempt_at, created_at, sent_at) ON econsent.mail_outbox TO econsent_dashboard;

-- verify: everything that can be proved, nothing that could be forged with (webhook secrets).
GRANT SELECT ON
econsent.companies, econsent.memberships, econsent.properties, econsent.consent_templates, econsent.sessions, econsent.audit_log,
econsent.audit_personal, econsent.audit_chain, econsent.mail_outbox, econsent.certificates, econsent.certificate_queue,
econsent.sealed_documents, econsent.sealed_files, econsent.attestations, econsent.video_conversions, econsent.retention_settings,
econsent.retention_usage, econsent.retention_usage_items, econsent.storage_objects, econsent.legal_holds, econsent.tombstones,
econsent.suppressions, econsent.deletion_requests, econsent.claim_tokens, econsent.search_outbox, econsent.search_targets,
econsent.webhook_endpoints, econsent.webhook_events, econsent.webhook_deliveries, econsent.webhook_attempts, econsent.wallets,
econsent.price_book, econsent.usage_events, econsent.payments, econsent.payment_refunds, econsent.wallet_ledger,
econsent.wallet_periods, econsent.wallet_reconciliations, econsent.alembic_version
TO econsent_verify;
