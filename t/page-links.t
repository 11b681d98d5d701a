# SPDX-License-Identifier: Apache-2.0
# Page links have an age, and their key is replaced while two servers run: each opens the links of the
# other at any moment, and those of the key before.
use strict;
use warnings;
use FHIR::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new;
my $other = $t->second(conf => "FHIRPageLinkAge 1\n");
$t->load(map { { resourceType => 'Patient', id => "p$_" } } 1 .. 6);

# The link to the second page, as this server makes it.
sub link_of {
    my ($server) = @_;
    my ($next) = map { $_->{url} } grep { $_->{relation} eq 'next' }
        @{ $server->get('/dev/r4/Patient?_count=2')->json->{link} };
    return $next =~ s{^http://[^/]+}{}r;
}

sub key { return $t->psql(q{SELECT name, md5(key) FROM main.fhir_key WHERE name LIKE 'cursor%' ORDER BY name}) }

my ($first, $before) = (link_of($t), key());
is($other->get($first)->status, 200, 'a link of one server works on the other');
my $rotation;
{
    local %ENV = (%ENV, %{ $t->cluster->env($t->database) });
    open $rotation, '-|', FHIR::Test::System::built('fhirctl'), qw(key page-links) or die;
}
my ($asked, $good, $begin) = (0, 0, time);
while (time - $begin < 8) {
    for my $pair ([ $t, $other ], [ $other, $t ]) {
        my $answer = $pair->[1]->get(link_of($pair->[0]));
        $asked++;
        $good++ if $answer->status == 200;
        diag(sprintf '%.1f s: %d %s', time - $begin, $answer->status, $answer->body) if $answer->status != 200;
    }
    sleep 0.05;
}
like(join('', <$rotation>), qr/new key/, 'the key is replaced');
ok(close $rotation, 'by a command that succeeds');
is($good, $asked, "links of either server worked on the other all the time ($asked)");
my $after = key();
is(scalar(() = $after =~ /\n/g), 1, 'there are two keys');
unlike($after, qr/^\Qcursor|\E${\ ($before =~ s{^cursor\|}{}r)}/m, 'of which the new one seals');
like($after, qr/^cursor-before\|${\ ($before =~ s{^cursor\|}{}r)}$/m, 'and the old one opens');
is($t->get($first)->status, 200, 'a link of the old key works');
my $second = link_of($t);
is($t->fhirctl('key', 'page-links')->{status}, 0, 'once more');
sleep 3;
is_outcome($_->get($first), 400, 'invalid', qr/repeat the search/, 'now the first key is gone') for $t, $other;
is($_->get($second)->status, 200, 'the second is not') for $t, $other;

# Sealed a while ago: the clock of a client's link is that of the server, so the link is made to be old.
my $old = link_of($other);
is($other->get($old)->status, 200, 'a link that is not old');
SKIP: {
    skip 'waits for two minutes; FHIR_TEST_SLOW=1', 2 unless $ENV{FHIR_TEST_SLOW};
    sleep 125;
    is_outcome($other->get($old), 400, 'invalid', qr/FHIRPageLinkAge/, 'one that is older is refused');
    is($t->get($old)->status, 200, 'not where a day is allowed');
}

$t->done;
