-- Statements are run one by one, so each can be run again after a crash between two of them.

CREATE TABLE IF NOT EXISTS "integrations" (
    "id" UUID NOT NULL,
    "tenant" TEXT NOT NULL,
    "connector" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "disabled_reason" TEXT,
    "events" TEXT[],
    "config" JSONB NOT NULL,
    "sealed" JSONB NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "rotated_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "integrations_pkey" PRIMARY KEY ("id")
);
CREATE INDEX IF NOT EXISTS "integrations_tenant_connector_created_at_id_idx" ON "integrations" ("tenant", "connector", "created_at", "id");

CREATE TABLE IF NOT EXISTS "audit" (
    "id" UUID NOT NULL,
    "tenant" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "object_id" TEXT NOT NULL,
    "changes" JSONB NOT NULL,
    CONSTRAINT "audit_pkey" PRIMARY KEY ("id")
);
CREATE INDEX IF NOT EXISTS "audit_tenant_at_id_idx" ON "audit" ("tenant", "at", "id");

-- The four tables below are the log. Each is partitioned by day (UTC), so retention drops partitions,
-- and has a default partition, so that a row is never refused for want of one.
CREATE TABLE IF NOT EXISTS "events" (
    "tenant" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "body" TEXT NOT NULL,
    "test" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "events_pkey" PRIMARY KEY ("tenant", "received_at", "source", "id")
) PARTITION BY RANGE ("received_at");
CREATE TABLE IF NOT EXISTS "events_default" PARTITION OF "events" DEFAULT;

CREATE TABLE IF NOT EXISTS "deliveries" (
    "id" UUID NOT NULL,
    "tenant" TEXT NOT NULL,
    "integration_id" UUID NOT NULL,
    "connector" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "event_source" TEXT NOT NULL,
    "event_type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "status_code" INTEGER,
    "response_time_ms" INTEGER,
    "error" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "test" BOOLEAN NOT NULL DEFAULT false,
    "next_attempt_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "round" BIGINT NOT NULL,
    "fact_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id", "created_at")
) PARTITION BY RANGE ("created_at");
CREATE TABLE IF NOT EXISTS "deliveries_default" PARTITION OF "deliveries" DEFAULT WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS "deliveries_tenant_created_at_id_idx" ON "deliveries" ("tenant", "created_at", "id");
CREATE INDEX IF NOT EXISTS "deliveries_integration_id_created_at_id_idx" ON "deliveries" ("integration_id", "created_at", "id");
CREATE INDEX IF NOT EXISTS "deliveries_tenant_event_id_idx" ON "deliveries" ("tenant", "event_id");

CREATE TABLE IF NOT EXISTS "attempts" (
    "delivery_id" UUID NOT NULL,
    "delivery_created_at" TIMESTAMPTZ(3) NOT NULL,
    "round" BIGINT NOT NULL,
    "number" INTEGER NOT NULL,
    "trigger" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "response_time_ms" INTEGER,
    "status" TEXT NOT NULL,
    "status_code" INTEGER,
    "error" TEXT,
    "request" TEXT,
    "response" TEXT,
    "next_attempt_at" TIMESTAMPTZ(3),
    CONSTRAINT "attempts_pkey" PRIMARY KEY ("delivery_id", "delivery_created_at", "round", "number")
) PARTITION BY RANGE ("delivery_created_at");
CREATE TABLE IF NOT EXISTS "attempts_default" PARTITION OF "attempts" DEFAULT;

CREATE TABLE IF NOT EXISTS "rejected" (
    "sequence" BIGINT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "tenant" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "content_type" TEXT,
    "payload" BYTEA NOT NULL,
    "bytes" INTEGER NOT NULL,
    CONSTRAINT "rejected_pkey" PRIMARY KEY ("tenant", "received_at", "sequence")
) PARTITION BY RANGE ("received_at");
CREATE TABLE IF NOT EXISTS "rejected_default" PARTITION OF "rejected" DEFAULT;

CREATE TABLE IF NOT EXISTS "replays" (
    "id" UUID NOT NULL,
    "tenant" TEXT NOT NULL,
    "integration_id" UUID NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "event_types" TEXT[],
    "scope" TEXT NOT NULL,
    "rate_per_second" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "total" INTEGER NOT NULL,
    "published" INTEGER NOT NULL DEFAULT 0,
    "cursor_at" TIMESTAMPTZ(3),
    "cursor_key" TEXT,
    "round" BIGINT NOT NULL,
    "error" TEXT,
    "leased_until" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    CONSTRAINT "replays_pkey" PRIMARY KEY ("id")
);
CREATE INDEX IF NOT EXISTS "replays_tenant_created_at_id_idx" ON "replays" ("tenant", "created_at", "id");
CREATE INDEX IF NOT EXISTS "replays_open_idx" ON "replays" ("created_at") WHERE "finished_at" IS NULL;
