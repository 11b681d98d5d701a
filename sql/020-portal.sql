-- SPDX-License-Identifier: Apache-2.0
-- The portals: developers and their apps, what practices decide about them, and why. An app's
-- environments are rows of fhir_client, which the authorization server reads: what they say stands there
-- alone.

-- Developers are users of kind 'developer', whose name is their e-mail address.
CREATE TABLE fhir_developer (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES fhir_user ON DELETE CASCADE,
    organization text NOT NULL DEFAULT '',
    website text
);

-- Links that were sent by e-mail, each good for one use.
CREATE TABLE fhir_mail_link (
    digest bytea PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('confirm', 'reset', 'invite')),
    email text COLLATE "C" NOT NULL,
    display text,      -- confirm: what was typed at sign-up
    organization text,
    website text,
    password text,     -- bcrypt
    created timestamptz NOT NULL DEFAULT now(),
    expires timestamptz NOT NULL,
    used timestamptz
);

-- What is the same in an app's environments, and is not in fhir_client.
CREATE TABLE fhir_app (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" REFERENCES fhir_user ON DELETE SET NULL,
    description text NOT NULL DEFAULT '',
    terms_uri text,
    audience text[] NOT NULL DEFAULT '{}', -- patients, staff, system: whom it is made for
    created timestamptz NOT NULL DEFAULT now(),
    changed timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON fhir_app (owner);

ALTER TABLE fhir_client
    ADD app text COLLATE "C" REFERENCES fhir_app ON DELETE CASCADE, -- NULL: registered by fhirctl
    ADD environment text CHECK (environment IN ('test', 'production')),
    ADD CHECK ((app IS NULL) = (environment IS NULL)),
    ADD UNIQUE (app, environment);

ALTER TABLE fhir_licence
    ADD words text NOT NULL DEFAULT '',   -- the practice's to the developer
    ADD message text NOT NULL DEFAULT '', -- the developer's to the practice
    ADD expires timestamptz;              -- the end of what was given

-- What was asked and decided, for good: it stays when the app is gone.
CREATE TABLE fhir_licence_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    client text COLLATE "C" NOT NULL,
    name text NOT NULL, -- of the app then
    state text NOT NULL,
    words text NOT NULL,
    changed_by text,
    terms text NOT NULL -- the licence as JSON
);
CREATE INDEX ON fhir_licence_event (client, id);

-- Written and acted upon here, so that every way of deciding (portal, fhirctl, SQL) does the same: a
-- licence that was refused or withdrawn ends what was granted, and giving it again does not bring it back.
CREATE FUNCTION fhir_licence_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NULL;
    END IF;
    EXECUTE format('INSERT INTO %1$I.fhir_licence_event (client, name, state, words, changed_by, terms) '
                   'SELECT $1.client, c.name, $1.state, CASE WHEN $1.state = ''asked'' THEN $1.message '
                   'ELSE $1.words END, $1.changed_by, row_to_json($1)::text FROM %1$I.fhir_client c '
                   'WHERE c.id = $1.client', TG_TABLE_SCHEMA) USING NEW;
    IF NEW.state IN ('refused', 'withdrawn') THEN
        EXECUTE format('UPDATE %I.fhir_authorization SET revoked = now(), revoked_by = ''the practice'' '
                       'WHERE client = $1 AND revoked IS NULL', TG_TABLE_SCHEMA) USING NEW.client;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_licence_noted AFTER INSERT OR UPDATE ON fhir_licence
    FOR EACH ROW EXECUTE FUNCTION fhir_licence_note();
