-- SPDX-License-Identifier: Apache-2.0
-- Logos that developers uploaded; fhir_client.logo_uri is then the portal's address of the logo.
CREATE TABLE fhir_app_logo (
    app text COLLATE "C" PRIMARY KEY REFERENCES fhir_app ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('image/png', 'image/jpeg')),
    picture bytea NOT NULL CHECK (length(picture) <= 65536)
);
