-- SPDX-License-Identifier: Apache-2.0
-- Licences that are limited to facilities: only their people may use the application. auth/fhir_auth_private.h
-- (FHIR_LICENCE_COVERS) says who they are.
ALTER TABLE fhir_licence
    ADD facilities text[] COLLATE "C" NOT NULL DEFAULT '{}' -- ids of Organizations; none: no limit
        CHECK (cardinality(facilities) <= 100),
    ADD CHECK (facilities = '{}' OR NOT system); -- a program without a user is at no facility

-- Servers keep tokens in memory: when roles change, they have to look again.
CREATE FUNCTION fhir_role_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_limited boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.fhir_licence WHERE facilities <> ''{}'')', TG_TABLE_SCHEMA)
            INTO is_limited;
    IF is_limited THEN
        PERFORM pg_notify('fhir_auth', TG_TABLE_SCHEMA || ':*');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fhir_role_changed AFTER UPDATE OR DELETE ON practitionerrole
    FOR EACH STATEMENT EXECUTE FUNCTION fhir_role_tell();
