-- SPDX-License-Identifier: Apache-2.0
-- Saving an app that hundreds of practices have: each copy gets what changed, in one statement, and the triggers of
-- copies have nothing to tell. Replaces functions and triggers of 024-practices.sql.

-- Arguments: what changed, and which apps of the rows that changed ("changed"; of a trigger for each row, its app).
CREATE OR REPLACE FUNCTION fhir_app_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    here text := TG_TABLE_SCHEMA;
    which text;
    app text;
    there text;
    a record;
    is_disabled boolean;
    is_new boolean;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        which := quote_literal(NEW.id);
    ELSE
        which := format(TG_ARGV[1], here);
    END IF;
    FOR app IN EXECUTE format('SELECT DISTINCT p.app FROM %I.fhir_app_practice p WHERE p.app IN (', here) || which
            || ')' LOOP
        EXECUTE format('SELECT a.description, a.terms_uri, a.audience, a.changed, u.display, u.name, d.organization, '
                       'd.website FROM %1$I.fhir_app a LEFT JOIN %1$I.fhir_user u ON u.id = a.owner LEFT JOIN '
                       '%1$I.fhir_developer d ON d.user_id = u.id WHERE a.id = $1', here) INTO a USING app;
        EXECUTE format('SELECT bool_or(disabled IS NOT NULL) FROM %I.fhir_client WHERE app = $1', here)
                INTO is_disabled USING app;
        FOR there IN EXECUTE format('SELECT p.practice FROM %1$I.fhir_app_practice p WHERE p.app = $1 AND '
                '%1$I.fhir_practice_takes(p.practice)', here) USING app LOOP
            IF TG_ARGV[0] = 'app' THEN
                EXECUTE format('UPDATE %I.fhir_app SET description = $3, terms_uri = $4, audience = $5, changed = $6, '
                               'maker = $7, maker_mail = $8, maker_organization = $9, maker_site = $10 WHERE id = $1 '
                               'AND home = $2', there)
                        USING app, here, a.description, a.terms_uri, a.audience, a.changed, a.display, a.name,
                              a.organization, a.website;
            ELSIF TG_ARGV[0] = 'client' THEN
                EXECUTE format('UPDATE %2$I.fhir_client o SET name = c.name, grants = c.grants, redirect_uris = '
                               'c.redirect_uris, origins = c.origins, launch_uri = c.launch_uri, logo_uri = '
                               'c.logo_uri, home_uri = c.home_uri, policy_uri = c.policy_uri, jwks = c.jwks, jwks_uri '
                               '= c.jwks_uri, scopes = c.scopes, native = c.native FROM %1$I.fhir_client c, '
                               '%2$I.fhir_app a WHERE c.app = $1 AND o.id = c.id AND o.app = $1 AND a.id = $1 AND '
                               'a.home = $2 AND (o.name, o.grants, o.redirect_uris, o.origins, o.launch_uri, '
                               'o.logo_uri, o.home_uri, o.policy_uri, o.jwks, o.jwks_uri, o.scopes, o.native) IS '
                               'DISTINCT FROM (c.name, c.grants, c.redirect_uris, c.origins, c.launch_uri, c.logo_uri, '
                               'c.home_uri, c.policy_uri, c.jwks, c.jwks_uri, c.scopes, c.native)', here, there)
                        USING app, here;
                IF is_disabled THEN -- and only where it is new: each such statement makes every server forget tokens
                    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.fhir_client c JOIN %2$I.fhir_client o USING (id, '
                                   'app) WHERE c.app = $1 AND c.disabled IS NOT NULL AND o.disabled IS NULL)', here,
                                   there) INTO is_new USING app;
                END IF;
                IF is_disabled AND is_new THEN
                    EXECUTE format('UPDATE %2$I.fhir_client o SET disabled = c.disabled FROM %1$I.fhir_client c WHERE '
                                   'c.id = o.id AND c.app = o.app AND c.app = $1 AND c.disabled IS NOT NULL AND '
                                   'o.disabled IS NULL', here, there) USING app;
                END IF;
            ELSE
                EXECUTE format('WITH g AS (DELETE FROM %2$I.fhir_client_secret s USING %2$I.fhir_client o WHERE o.id = '
                               's.client AND o.app = $1 AND NOT EXISTS (SELECT FROM %1$I.fhir_client_secret k WHERE '
                               'k.client = s.client AND k.digest = s.digest)) INSERT INTO %2$I.fhir_client_secret AS s '
                               '(client, digest, created, expires) SELECT k.client, k.digest, k.created, k.expires '
                               'FROM %1$I.fhir_client_secret k JOIN %2$I.fhir_client o ON o.id = k.client AND o.app = '
                               '$1 ON CONFLICT (client, digest) DO UPDATE SET expires = excluded.expires WHERE '
                               's.expires IS DISTINCT FROM excluded.expires', here, there) USING app;
            END IF;
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$;

DROP TRIGGER fhir_app_told ON fhir_app;
DROP TRIGGER fhir_client_told ON fhir_client;
DROP TRIGGER fhir_developer_told ON fhir_developer;
DROP TRIGGER fhir_client_secret_added ON fhir_client_secret;
DROP TRIGGER fhir_client_secret_told ON fhir_client_secret;
DROP TRIGGER fhir_client_secret_gone ON fhir_client_secret;
DROP TRIGGER fhir_app_ended ON fhir_app;
DROP TRIGGER fhir_client_ended ON fhir_client;
CREATE TRIGGER fhir_app_told AFTER UPDATE ON fhir_app FOR EACH ROW
    WHEN (NEW.home IS NULL AND NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION fhir_app_tell('app');
-- pg_trigger_depth: a trigger changes them only in copies, and where the app is removed
CREATE TRIGGER fhir_client_told AFTER UPDATE ON fhir_client REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION
    fhir_app_tell('client', 'SELECT app FROM changed');
CREATE TRIGGER fhir_developer_told AFTER UPDATE ON fhir_developer REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION
    fhir_app_tell('app', 'SELECT a.id FROM changed JOIN %1$I.fhir_app a ON a.owner = changed.user_id');
CREATE TRIGGER fhir_client_secret_added AFTER INSERT ON fhir_client_secret REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION
    fhir_app_tell('secret', 'SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');
CREATE TRIGGER fhir_client_secret_told AFTER UPDATE ON fhir_client_secret REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION
    fhir_app_tell('secret', 'SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');
CREATE TRIGGER fhir_client_secret_gone AFTER DELETE ON fhir_client_secret REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION
    fhir_app_tell('secret', 'SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');
-- an app that is removed takes its copies along; those of its environments need not be looked for once more
CREATE TRIGGER fhir_app_ended BEFORE DELETE ON fhir_app FOR EACH ROW WHEN (OLD.home IS NULL)
    EXECUTE FUNCTION fhir_app_end();
CREATE TRIGGER fhir_client_ended BEFORE DELETE ON fhir_client FOR EACH ROW
    WHEN (OLD.app IS NOT NULL AND pg_trigger_depth() = 0) EXECUTE FUNCTION fhir_app_end();
