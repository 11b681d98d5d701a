# SPDX-License-Identifier: Apache-2.0
# Real clients: fhirclient in Chromium (a public app, confidential ones with a secret and with a key) and as a
# backend service, openid-client; and axe-core looks at each page, at two widths, light and dark, in both languages
# (t/node/auth-clients.js).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Node   qw(node);
use FHIR::Test::System qw(run work_dir write_file);
use Test::More;

plan skip_all => 'chromium is not installed' unless -x '/usr/bin/chromium';
my $t    = FHIR::Test->new;
my $w    = world($t);

# Not a port that browsers refuse.
my $redirect = 'http://127.0.0.1:18999/callback';
$w->ctl('app', 'set', $_, '--redirect', $redirect) for qw(pub conf);
my $jwk = JSON::PP->new->decode(
    run({}, 'node', '-e', 'console.log(JSON.stringify({ kid: "k", alg: "ES384", key_ops: ["sign"], '
            . '...crypto.generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" }) }))')
        ->{ out });
my %public = (%$jwk, key_ops => [ 'verify' ]);
delete $public{ d };
my $keys = write_file(work_dir() . '/keys.json', JSON::PP->new->encode({ keys => [ \%public ] }));
$w->ctl('app', 'add', 'Keys',  '--id', 'keys', '--jwks', $keys, '--redirect', $redirect, '--licence');
$w->ctl('app', 'add', 'Night', '--id', 'night', '--jwks', $keys, '--backend', '--licence');
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
            keyId          => 'keys',
            backendId      => 'night',
            key            => $jwk,
            redirect       => $redirect }));

for (split /\n/, $done->{ out }) {
    if    (/^(ok|not ok) \d+ - (.*)/) { ok($1 eq 'ok', $2) }
    elsif (/^# (.*)/)                 { diag($1) }
}
is($done->{ status }, 0, 'all clients are content') or diag($done->{ err });
$t->done;
