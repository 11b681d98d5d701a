-- SPDX-License-Identifier: Apache-2.0
-- Whom a resource speaks of, where it is not the record of one patient: what a patient's token shows
-- depends on it (docs/schema.md). NULL in rows that were stored before is not known, and hides them
-- from patients' tokens until fhirctl init has looked at them.
DO $$
DECLARE
    resource_table text;
BEGIN
    FOR resource_table IN
        SELECT t.relname FROM pg_class t JOIN pg_class h
            ON h.relname = t.relname || '_history' AND h.relnamespace = t.relnamespace
        WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'
        ORDER BY t.relname COLLATE "C"
    LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN mentions text[] COLLATE "C"', resource_table);
        EXECUTE format('ALTER TABLE %I ADD COLUMN mentions text[] COLLATE "C"', resource_table || '_history');
    END LOOP;
END $$;
