# SPDX-License-Identifier: Apache-2.0
# Page links have an age, and their key is replaced while two servers run: each opens the links of the
# other at any moment, and those of the key before. A query that is too long for a URL is kept.
use strict;
use warnings;
use FHIR::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new;
my $other = $t->second(conf => "FHIRPageLinkAge 1\nFHIRPageQueriesMax 3\n");
$t->load(map { { resourceType => 'Patient', id => "p$_" } } 1 .. 6);

# The link to the second page, as this server makes it.
sub link_of {
    my ($server) = @_;
    my ($next) = map { $_->{url} } grep { $_->{relation} eq 'next' }
        @{ $server->get('/dev/r4/Patient?_count=2')->json->{link} };
    return $next =~ s{^http://[^/]+}{}r;
}

# ---- queries that are too long for a URL ----
my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
sub ids { return join ',', (map {"p$_"} 1 .. 6), map { sprintf '%s-%020d', $_[0] || 'x', $_ } 1 .. ($_[1] || 490) }
sub links {
    my ($answer) = @_;
    is($answer->status, 200, 'a page') or diag(substr $answer->body, 0, 500);
    my %links = map { $_->{relation} => $_->{url} =~ s{^http://[^/]+}{}r } @{ $answer->json->{link} };
    is(join(' ', grep { $_ ne 'self' && length $links{$_} > 1000 } sort keys %links), '', '... its links are short');
    return \%links;
}
sub kept { return $t->psql('SELECT count(*) FROM main.fhir_page_query') }
my $form = '_count=2&_sort=_id&_id=' . ids();
cmp_ok(length $form, '>', 11000, 'a form that no URL can hold');
my $page = links($t->post('/dev/r4/Patient/_search', $form, %form));
cmp_ok(length $page->{self}, '>', 11000, 'the self link says all of it');
is(kept(), 1, 'its query is kept once');
my @found = $t->get($page->{first})->ids;
for my $server ($other, $t) {
    my $answer = $server->get($page->{next});
    push @found, $answer->ids;
    $page = links($answer);
}
is("@found", 'p1 p2 p3 p4 p5 p6', 'the pages follow, on either server');
is(join(' ', $other->get($page->{previous})->ids), 'p3 p4', '... and back');
is(kept(), 1, '... which keeps nothing else');
is(join(' ', $other->get("$page->{previous}&_format=xml")->body =~ /<id value="(p\d)"/g), 'p3 p4',
    '_format can be added');
is(join(' ', keys %{ links($t->post('/dev/r4/Patient/_search', $form =~ s/_count=2/_count=9/r, %form)) }), 'self',
    '... and is the only one of a search of one page');
is(kept(), 2, '... which keeps nothing');
my %ways = (
    'a GET'       => '/dev/r4/Patient?_count=2&_id=' . ids('g', 200),
    'all types'   => '/dev/r4?_type=Patient,Group&_count=2&_id=' . ids('a', 200),
    '$everything' => '/dev/r4/Patient/p1/$everything?_count=1&_type=Patient' . ',Observation' x 400,
    'a history'   => '/dev/r4/Patient/_history?_count=2&_elements=gender' . ',gender' x 700,
);
$t->load({ resourceType => 'Observation', id => 'o1', status => 'final', code => { text => 'x' },
    subject => { reference => 'Patient/p1' } });
for my $way (sort keys %ways) {
    cmp_ok(length $ways{$way}, '>', 4000, "$way: a long query");
    my $links = links($t->get($ways{$way}));
    my $answer = $t->get($links->{next});
    is($answer->status, 200, '... whose next page comes') or diag($answer->body);
    ok($answer->resources > 0, '... and has something');
}
my ($word) = $page->{previous} =~ /_query-of=([\w-]+)/;
is_outcome($t->get("/dev/r4/Patient?_query-of=" . reverse $word), 400, 'invalid', qr/altered/, 'an altered one');
is($t->get('/dev/r4/metadata?_query-of=AAAA')->status, 200, 'what has no pages does not look');
# as many as are to be kept, the last ones
is(kept(), 6, 'each is kept');
links($other->post('/dev/r4/Patient/_search', $form =~ s/x-/y-/gr, %form));
is(kept(), 3, 'FHIRPageQueriesMax says how many are');
is_outcome($other->get($page->{previous}), 400, 'invalid', qr/FHIRPageQueriesMax.*begin again/,
    'the link of one that went says so');
$t->psql(q{UPDATE main.fhir_page_query SET expires = now() - interval '1 minute'});
links($other->post('/dev/r4/Patient/_search', $form =~ s/x-/z-/gr, %form));
is(kept(), 1, 'what is too old goes');
is($t->psql(q{SELECT expires < now() + interval '3 minutes' FROM main.fhir_page_query}), 't', '... by FHIRPageLinkAge');
links($t->post('/dev/r4/Patient/_search', $form =~ s/x-/z-/gr, %form));
is($t->psql(q{SELECT expires > now() + interval '1 day' FROM main.fhir_page_query}), 't',
    'the longest age of two servers counts');

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
