-- SPDX-License-Identifier: Apache-2.0
-- Apps at other practices. A developer registers an app at the Connect Portal of one practice and asks others of the
-- same database, which have schemas of their own, to authorize it. There its environments are rows of fhir_client like
-- all others, with the same ids, keys and secrets, and what that practice decides is its own. Triggers keep these
-- copies as the original is.

ALTER TABLE fhir_app
    ADD home text COLLATE "C", -- of a copy: the schema of the original; its owner has no account here, but was:
    ADD maker text,
    ADD maker_mail text,
    ADD maker_organization text,
    ADD maker_site text,
    ADD CHECK (home IS NULL OR owner IS NULL);

-- The other practices that an app of this one was sent to.
CREATE TABLE fhir_app_practice (
    app text COLLATE "C" NOT NULL REFERENCES fhir_app ON DELETE CASCADE,
    practice text COLLATE "C" NOT NULL, -- its schema
    asked timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app, practice)
);

-- Whether a practice has a schema of this version that the server may write to.
CREATE FUNCTION fhir_practice_takes(practice text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a
                   ON a.attrelid = c.oid WHERE n.nspname = practice AND c.relname = 'fhir_app' AND c.relkind = 'r'
                   AND a.attname = 'home' AND NOT a.attisdropped AND has_schema_privilege(n.oid, 'USAGE')
                   AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE'))
$$;

-- Writes the copy of an app. adds: environments that are not there are added; otherwise one that the practice has
-- removed stays removed. An environment that the practice has disabled stays disabled.
CREATE FUNCTION fhir_app_copy(here text, there text, app text, adds boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    is_disabled boolean;
BEGIN
    EXECUTE format('INSERT INTO %2$I.fhir_app AS o (id, description, terms_uri, audience, created, changed, home, '
                   'maker, maker_mail, maker_organization, maker_site) SELECT a.id, a.description, a.terms_uri, '
                   'a.audience, a.created, a.changed, %1$L, u.display, u.name, d.organization, d.website FROM '
                   '%1$I.fhir_app a LEFT JOIN %1$I.fhir_user u ON u.id = a.owner LEFT JOIN %1$I.fhir_developer d '
                   'ON d.user_id = u.id WHERE a.id = $1 AND a.home IS NULL ON CONFLICT (id) DO UPDATE SET '
                   'description = excluded.description, terms_uri = excluded.terms_uri, '
                   'audience = excluded.audience, changed = excluded.changed, maker = excluded.maker, '
                   'maker_mail = excluded.maker_mail, maker_organization = excluded.maker_organization, '
                   'maker_site = excluded.maker_site WHERE o.home = %1$L', here, there) USING app;
    EXECUTE format('INSERT INTO %2$I.fhir_client AS o (id, name, auth, grants, redirect_uris, origins, launch_uri, '
                   'logo_uri, home_uri, policy_uri, jwks, jwks_uri, scopes, native, created, disabled, app, '
                   'environment) SELECT c.id, c.name, c.auth, c.grants, c.redirect_uris, c.origins, c.launch_uri, '
                   'c.logo_uri, c.home_uri, c.policy_uri, c.jwks, c.jwks_uri, c.scopes, c.native, c.created, '
                   'c.disabled, c.app, c.environment FROM %1$I.fhir_client c JOIN %2$I.fhir_app a ON a.id = c.app '
                   'AND a.home = %1$L WHERE c.app = $1 AND ($2 OR EXISTS (SELECT FROM %2$I.fhir_client k WHERE '
                   'k.id = c.id)) ON CONFLICT (id) DO UPDATE SET name = excluded.name, auth = excluded.auth, '
                   'grants = excluded.grants, redirect_uris = excluded.redirect_uris, origins = excluded.origins, '
                   'launch_uri = excluded.launch_uri, logo_uri = excluded.logo_uri, home_uri = excluded.home_uri, '
                   'policy_uri = excluded.policy_uri, jwks = excluded.jwks, jwks_uri = excluded.jwks_uri, '
                   'scopes = excluded.scopes, native = excluded.native WHERE o.app = $1', here, there)
            USING app, adds;
    -- only then, since each such statement makes every server forget its tokens
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.fhir_client c JOIN %2$I.fhir_client o USING (id, app) WHERE '
                   'c.app = $1 AND c.disabled IS NOT NULL AND o.disabled IS NULL)', here, there)
            INTO is_disabled USING app;
    IF is_disabled THEN
        EXECUTE format('UPDATE %2$I.fhir_client o SET disabled = c.disabled FROM %1$I.fhir_client c WHERE '
                       'c.id = o.id AND c.app = o.app AND c.app = $1 AND c.disabled IS NOT NULL AND '
                       'o.disabled IS NULL', here, there) USING app;
    END IF;
    EXECUTE format('DELETE FROM %2$I.fhir_client_secret s USING %2$I.fhir_client o WHERE o.id = s.client AND '
                   'o.app = $1 AND NOT EXISTS (SELECT FROM %1$I.fhir_client_secret k WHERE k.client = s.client AND '
                   'k.digest = s.digest)', here, there) USING app;
    EXECUTE format('INSERT INTO %2$I.fhir_client_secret (client, digest, created, expires) SELECT k.client, k.digest, '
                   'k.created, k.expires FROM %1$I.fhir_client_secret k JOIN %2$I.fhir_client o ON o.id = k.client '
                   'AND o.app = $1 ON CONFLICT (client, digest) DO UPDATE SET expires = excluded.expires', here,
                   there) USING app;
END $$;

-- Sends an app to a practice and asks it to authorize one environment. most: of practices that an app may be sent to.
-- 'asked', 'known': it waits, or is authorized; 'many'; 'closed': there is no such schema; 'taken': the practice has
-- another app with this id.
CREATE FUNCTION fhir_app_ask(here text, there text, client text, message text, by text, most integer) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    app text;
    is_open boolean;
    n integer;
    done boolean;
BEGIN
    EXECUTE format('SELECT c.app, %1$I.fhir_practice_takes($2), (SELECT count(*) FROM %1$I.fhir_app_practice p WHERE '
                   'p.app = c.app AND p.practice <> $2) FROM %1$I.fhir_client c JOIN %1$I.fhir_app a ON a.id = c.app '
                   'WHERE c.id = $1 AND a.home IS NULL', here) INTO app, is_open, n USING client, there;
    IF app IS NULL OR NOT is_open OR here = there THEN
        RETURN 'closed';
    END IF;
    IF n >= most THEN
        RETURN 'many';
    END IF;
    EXECUTE format('SELECT %I.fhir_app_copy($1, $2, $3, true)', here) USING here, there, app;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.fhir_client WHERE id = $1 AND app = $2)', there) INTO done
            USING client, app;
    IF NOT done THEN
        RETURN 'taken';
    END IF;
    EXECUTE format('INSERT INTO %I.fhir_app_practice (app, practice) VALUES ($1, $2) ON CONFLICT DO NOTHING', here)
            USING app, there;
    EXECUTE format('INSERT INTO %I.fhir_licence AS l (client, state, message, changed_by) VALUES ($1, ''asked'', $2, '
                   '$3) ON CONFLICT (client) DO UPDATE SET state = ''asked'', message = excluded.message, '
                   'changed = now(), changed_by = excluded.changed_by, expires = NULL WHERE l.state IN (''refused'', '
                   '''withdrawn'') OR l.expires <= now() RETURNING true', there) INTO done USING client, message, by;
    RETURN CASE WHEN done THEN 'asked' ELSE 'known' END;
END $$;

-- What the other practices have decided about an app's environments; the last asked first. A practice that has removed
-- the app, or cannot be read, has one row without an environment.
CREATE FUNCTION fhir_app_states(here text, app text) RETURNS TABLE (practice text, environment text, client text,
    state text, words text, changed text, until text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_open boolean;
BEGIN
    FOR practice, is_open IN EXECUTE format('SELECT p.practice, %1$I.fhir_practice_takes(p.practice) FROM '
            '%1$I.fhir_app_practice p WHERE p.app = $1 ORDER BY p.asked DESC, p.practice', here) USING app LOOP
        IF is_open THEN
            RETURN QUERY EXECUTE format('SELECT %2$L, c.environment, c.id, CASE WHEN l.state = ''given'' AND '
                    'l.expires <= now() THEN ''ended'' ELSE l.state END, l.words, to_char(l.changed, '
                    '''YYYY-MM-DD HH24:MI''), coalesce(to_char(l.expires, ''YYYY-MM-DD''), '''') FROM '
                    '%2$I.fhir_client c JOIN %2$I.fhir_app a ON a.id = c.app AND a.home = %1$L JOIN '
                    '%2$I.fhir_licence l ON l.client = c.id WHERE c.app = $1 ORDER BY c.environment DESC', here,
                    practice) USING app;
        END IF;
        IF NOT is_open OR NOT FOUND THEN
            RETURN QUERY SELECT practice, NULL, NULL, CASE WHEN is_open THEN 'none' ELSE 'away' END, '', '', '';
        END IF;
    END LOOP;
END $$;

-- What other practices refused to a developer's apps, as fhir_refusal has it.
CREATE FUNCTION fhir_app_refusals(here text, developer text) RETURNS TABLE (practice text, at timestamptz, request text,
    client text, route text, error text, description text, parameter text, received text, expected text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    FOR practice IN EXECUTE format('SELECT DISTINCT p.practice FROM %1$I.fhir_app_practice p JOIN %1$I.fhir_app a ON '
            'a.id = p.app WHERE a.owner = $1 AND %1$I.fhir_practice_takes(p.practice)', here) USING developer LOOP
        RETURN QUERY EXECUTE format('SELECT %2$L, r.at, r.request, r.client, r.route, r.error, r.description, '
                'r.parameter, r.received, r.expected FROM %2$I.fhir_refusal r JOIN %2$I.fhir_client o ON '
                'o.id = r.client JOIN %1$I.fhir_client c ON c.id = o.id AND c.app = o.app JOIN %1$I.fhir_app a ON '
                'a.id = c.app WHERE a.owner = $1 ORDER BY r.at DESC LIMIT 200', here, practice) USING developer;
    END LOOP;
END $$;

-- The argument selects the apps of the rows that changed.
CREATE FUNCTION fhir_app_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    app text;
    there text;
BEGIN
    FOR app, there IN EXECUTE format('SELECT p.app, p.practice FROM %1$I.fhir_app_practice p WHERE p.app IN ('
            || TG_ARGV[0] || ') AND %1$I.fhir_practice_takes(p.practice)', TG_TABLE_SCHEMA) LOOP
        EXECUTE format('SELECT %I.fhir_app_copy($1, $2, $3, false)', TG_TABLE_SCHEMA)
                USING TG_TABLE_SCHEMA::text, there, app;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_app_told AFTER UPDATE ON fhir_app REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_app_tell('SELECT id FROM changed');
CREATE TRIGGER fhir_client_told AFTER UPDATE ON fhir_client REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_app_tell('SELECT app FROM changed');
CREATE TRIGGER fhir_developer_told AFTER UPDATE ON fhir_developer REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION
    fhir_app_tell('SELECT a.id FROM changed JOIN %1$I.fhir_app a ON a.owner = changed.user_id');
CREATE TRIGGER fhir_client_secret_added AFTER INSERT ON fhir_client_secret REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION
    fhir_app_tell('SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');
CREATE TRIGGER fhir_client_secret_told AFTER UPDATE ON fhir_client_secret REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION
    fhir_app_tell('SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');
CREATE TRIGGER fhir_client_secret_gone AFTER DELETE ON fhir_client_secret REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION
    fhir_app_tell('SELECT c.app FROM changed JOIN %1$I.fhir_client c ON c.id = changed.client');

-- Removed here is removed everywhere. Before, because the list of practices goes with the app.
CREATE FUNCTION fhir_app_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_app text;
    there text;
BEGIN
    IF TG_TABLE_NAME = 'fhir_app' THEN
        of_app := OLD.id;
    ELSE
        of_app := OLD.app;
    END IF;
    FOR there IN EXECUTE format('SELECT p.practice FROM %1$I.fhir_app_practice p WHERE p.app = $1 AND '
            '%1$I.fhir_practice_takes(p.practice)', TG_TABLE_SCHEMA) USING of_app LOOP
        IF TG_TABLE_NAME = 'fhir_app' THEN
            EXECUTE format('DELETE FROM %I.fhir_app WHERE id = $1 AND home = $2', there)
                    USING of_app, TG_TABLE_SCHEMA::text;
        ELSE
            EXECUTE format('DELETE FROM %1$I.fhir_client c USING %1$I.fhir_app a WHERE c.id = $1 AND a.id = c.app AND '
                           'a.id = $2 AND a.home = $3', there) USING OLD.id, of_app, TG_TABLE_SCHEMA::text;
        END IF;
    END LOOP;
    RETURN OLD;
END $$;
CREATE TRIGGER fhir_app_ended BEFORE DELETE ON fhir_app FOR EACH ROW EXECUTE FUNCTION fhir_app_end();
CREATE TRIGGER fhir_client_ended BEFORE DELETE ON fhir_client FOR EACH ROW WHEN (OLD.app IS NOT NULL)
    EXECUTE FUNCTION fhir_app_end();
