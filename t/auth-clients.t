# SPDX-License-Identifier: Apache-2.0
# Real clients: fhirclient in Chromium (a public and a confidential app), openid-client; and axe-core looks at each
# page, at two widths, light and dark, in both languages (t/node/auth-clients.js).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Node qw(node);
use Test::More;

plan skip_all => 'chromium is not installed' unless -x '/usr/bin/chromium';
my $t    = FHIR::Test->new;
my $w    = world($t);

# Not a port that browsers refuse.
my $redirect = 'http://127.0.0.1:18999/callback';
$w->ctl('app', 'set', $_, '--redirect', $redirect) for qw(pub conf);
my $done = node(
    'auth-clients.js',
    JSON::PP->new->encode(
        {   base           => $w->{ staff },
            user           => 'clinician',
            password       => $FHIR::Test::Auth::PASSWORD,
            find           => 'amara',
            publicId       => 'pub',
            confidentialId => 'conf',
            secret         => $w->{ secret },
            redirect       => $redirect }));

for (split /\n/, $done->{ out }) {
    if    (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', $2) }
    elsif (/^# (.*)/)                 { diag($1) }
}
is($done->{ status }, 0, 'all clients are content') or diag($done->{ err });
$t->done;
