-- SPDX-License-Identifier: Apache-2.0
-- A token that an UPDATE ends was announced by the row after it, and one that ends by its `expires` is not in force
-- there. The row before it tells whether a server may have it in its cache.
DROP TRIGGER fhir_token_changed ON fhir_token;
CREATE TRIGGER fhir_token_changed AFTER UPDATE ON fhir_token
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION fhir_auth_tell_tokens();
