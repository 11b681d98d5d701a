# SPDX-License-Identifier: Apache-2.0
# The portals in Chromium: the whole story from a developer's sign-up to a patient's record in an app, and axe-core
# on each page (t/node/portal.js). FHIR_TEST_SHOTS=FOLDER keeps a picture of each page in two widths;
# FHIR_TEST_README=docs makes those of docs/portals.md.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Node qw(node);
use FHIR::Test::Portal;
use Test::More;

plan skip_all => 'chromium is not installed' unless -x '/usr/bin/chromium';
my $p = FHIR::Test::Portal->new(portal => 'FHIRPortalPractices 5', conf => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    Require local
</Location>
<Location "/hill/r4">
    FHIREndpoint R4 provider
    FHIRTenant hill
    FHIRPracticeName "Hillside Pediatrics"
</Location>
CONF
$p->{t}->fhirctl('init', '--tenant', 'hill', '--indexes', 'patient', '--role', 'fhir_server');
# facilities that the practice can limit an app to
$p->{t}->load(map {
        ({ resourceType => 'Organization', id => lc, name => "$_ Clinic", active => JSON::PP::true },
            { resourceType => 'Location', id => lc() . '-1', name => "$_ Street", status => 'active',
                managingOrganization => { reference => 'Organization/' . lc } })
    } qw(North South));
my $done = node('portal.js', JSON::PP->new->encode({ portal => $p->{base}, base => $p->{world}{staff},
    mails => $p->{mails},
    password => $FHIR::Test::Auth::PASSWORD, user => 'clinician', admin => 'chief',
    find => 'amara', find_family => 'okafor', shots => $ENV{FHIR_TEST_SHOTS} || '',
    readme => $ENV{FHIR_TEST_README} || '', docs => [
        [ '/docs', 'documentation' ], [ '/docs/R4/Patient', 'a resource' ],
        [ '/docs/DSTU2/Observation', 'a resource of DSTU2' ] ] }));
for (split /\n/, $done->{out}) {
    if (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', $2) }
    elsif (/^# (.*)/) { diag($1) }
}
is($done->{status}, 0, 'the story ends well') or diag($done->{err});
$p->{t}->done;
