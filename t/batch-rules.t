#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The rules of a transaction: a resource changes once, references find what they mean, a Bundle says
# only what it may, and two transactions that refer to the same resources do not wait for each other.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(pg_bin);
use HTTP::Tiny;
use IO::Handle;
use JSON::PP qw(encode_json);
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRUpdateCreate On
    FHIRConditionalDelete multiple
    Require local
</Location>
CONF
my $base = '/dev/r4';

sub bundle {
    my ($type, @entries) = @_;
    return $t->post($base, { resourceType => 'Bundle', type => $type, entry => \@entries });
}
sub transaction { return bundle('transaction', @_) }
sub patient { my ($value, %more) = @_; return { resourceType => 'Patient',
        identifier => [ { system => 'urn:i', value => $value } ], %more } }
sub observation {
    my ($subject, %more) = @_;
    return { resourceType => 'Observation', status => 'final', code => { text => 'x' },
        subject => { reference => $subject }, %more };
}
sub statuses { my ($r) = @_; return join ' ', map { $_->{response}{status} =~ /^(\d+)/ } @{ $r->json->{entry} || [] } }
sub places { my ($r) = @_; return map { ($_->{response}{location} // '') =~ m{/r4/(\w+/[^/]+)/_history} } @{
        $r->json->{entry} } }
sub expression { my ($r) = @_; return $r->json->{issue}[0]{expression}[0] // '' }
sub subject { my ($path) = @_; return $t->get("$base/$path")->json->{subject}{reference} }

my ($p) = places(transaction(entry(POST => 'Patient', patient('a'))));
my ($id) = $p =~ m{/(.*)};

# ---- a resource changes once, whatever names it ----

my @put = (PUT => $p, patient('a', id => $id), ifMatch => 'W/"1"');
my @by_condition = (PUT => 'Patient?identifier=urn:i|a', patient('a'), ifMatch => 'W/"1"');
for (
    [ 'two updates', [@put], [@put] ],
    [ 'an update and a conditional one', [@put], [@by_condition] ],
    [ 'a conditional update and a delete', [@by_condition], [ DELETE => $p ] ],
    [ 'a delete and a conditional update', [ DELETE => $p ], [@by_condition] ],
    [ 'a conditional delete and an update', [ DELETE => 'Patient?identifier=urn:i|a' ], [@put] ],
    [ 'two conditional updates', [@by_condition], [@by_condition] ],
    [ 'two conditional updates of what is not there', [ PUT => 'Patient?identifier=urn:i|n', patient('n') ],
        [ PUT => 'Patient?identifier=urn:i|n', patient('n') ] ],
    [ 'a create and an update of it', [ POST => 'Patient', patient('n') ], [ PUT => 'Patient?identifier=urn:i|n',
        patient('n') ] ],
    [ 'an encoded id', [@put], [ PUT => $p =~ s/(.)$/sprintf '%%%02X', ord $1/er, patient('a', id => $id),
        ifMatch => 'W/"1"' ] ],
) {
    my ($name, @two) = @$_;
    is_outcome transaction(map { entry(@$_) } @two), 400, 'invalid', qr/same resource/, $name;
}
is $t->psql('SELECT count(*) FROM main.patient_history'), 0, 'nothing of these was done';
is $t->psql('SELECT count(*) FROM main.patient'), 1, 'nor created';

my $twice = transaction(entry(POST => 'Patient', patient('b'), fullUrl => 'urn:uuid:1',
        ifNoneExist => 'identifier=urn:i|b'),
    entry(POST => 'Observation', observation('urn:uuid:2')),
    entry(POST => 'Patient', patient('b'), fullUrl => 'urn:uuid:2', ifNoneExist => 'identifier=urn:i|b'));
is statuses($twice), '201 201 200', 'two creates under one condition are one' or diag $twice->body;
my @made = places($twice);
is $made[2], $made[0], 'of which both are answered';
is subject($made[1]), $made[0], 'and to which both fullUrls lead';
ok $twice->json->{entry}[2]{response}{lastModified}, 'with its time';
is_outcome transaction(map { entry(POST => 'Patient', patient($_), fullUrl => 'urn:uuid:same') } 1, 2), 400, 'invalid',
    qr/Entry 1: another entry has the same fullUrl/, 'a fullUrl that is not one resource';

# ---- references ----

my $r = transaction(
    entry(POST => 'Observation', observation('Patient/far',
        hasMember => [ { reference => 'Observation/far/_history/7' } ],
            extension => [ { url => 'http://x', valueCanonical => 'http://far.example/fhir/Patient/far' },
                { url => 'http://x', valueUrl => 'http://far.example/fhir/Patient/far' } ]),
        fullUrl => 'http://far.example/fhir/Observation/first'),
    entry(POST => 'Patient', patient('c'), fullUrl => 'http://far.example/fhir/Patient/far'),
    entry(POST => 'Observation', observation('http://far.example/fhir/Patient/far/_history/3'),
        fullUrl => 'http://far.example/fhir/Observation/far'));
is $r->status, 200, 'resources of another server, with its addresses' or diag $r->body;
@made = places($r);
my $first = $t->get("$base/$made[0]")->json;
is $first->{subject}{reference}, $made[1], 'a relative reference means what is beside it there';
is $first->{hasMember}[0]{reference}, "$made[2]/_history/1", 'one of a version stays one, of the version made here';
is $first->{extension}[0]{valueCanonical}, 'http://far.example/fhir/Patient/far', 'a canonical stays';
is $first->{extension}[1]{valueUrl}, $made[1], 'a url does not';
is subject($made[2]), "$made[1]/_history/1", 'an absolute reference of a version';

$r = transaction(entry(POST => 'Observation', observation('Patient?identifier=urn:i|d')),
    entry(POST => 'Patient', patient('d')));
is statuses($r), '201 201', 'a conditional reference to what the transaction creates' or diag $r->body;
@made = places($r);
is subject($made[0]), $made[1], 'leads there';
$r = transaction(entry(POST => 'Patient', patient('d')),
    entry(POST => 'Observation', observation('Patient?identifier=urn:i|d')));
is_outcome $r, 412, 'multiple-matches', qr/several/, 'unless that makes it one of two';
is expression($r), 'Bundle.entry[1].resource.subject', 'which is told of its place';
is_outcome $t->post("$base/Observation", observation('Patient?identifier=urn:i|a')), 422, 'not-found',
    qr/only in the resources of a transaction/,
    'outside of a transaction nothing resolves it';
$r = transaction(entry(POST => 'Patient', patient('e')), entry(POST => 'Observation', observation('Patient/nobody')));
is_outcome $r, 422, 'not-found', qr/nobody/, 'a reference to nothing';
is expression($r), 'Bundle.entry[1].resource.subject', 'is told of its place';
is_outcome transaction(entry(DELETE => $p), entry(POST => 'Observation', observation($p))), 422, 'not-found', qr/\Q$p/,
    'a reference to what the transaction deletes';

my ($o) = places(transaction(entry(POST => 'Observation', observation($p))));
my @parts = map { { name => $_->[0], %{ $_->[1] } } } [ type => { valueCode => 'replace' } ],
    [ path => { valueString => 'Observation.subject' } ],
    [ value => { valueReference => { reference => 'urn:uuid:new' } } ];
my $by_path = { resourceType => 'Parameters', parameter => [ { name => 'operation', part => \@parts } ] };
$r = transaction(entry(PATCH => $o, $by_path), entry(POST => 'Patient', patient('f'), fullUrl => 'urn:uuid:new'));
is statuses($r), '200 201', 'a FHIRPath Patch refers to another entry' or diag $r->body;
is subject($o), (places($r))[-1], 'by its fullUrl';
my $by_pointer = sub { my ($to) = @_; return { resourceType => 'Binary', contentType => 'application/json-patch+json',
        data => encode_base64(encode_json([ { op => 'replace', path => '/subject/reference', value => $to } ])) } };
is_outcome transaction(entry(PATCH => $o, $by_pointer->('Patient/nobody'))), 422, 'not-found', qr/nobody/,
    'what a patch refers to must be there, too';
is transaction(entry(PATCH => $o, $by_pointer->($p)))->status, 200, 'a patch in several lines of base64';
is subject($o), $p, 'is whole';

# ---- what a Bundle may say ----

my $placed = transaction(entry(POST => 'Patient', patient('x', gender => 'x')));
is expression($placed), 'Bundle.entry[0].resource.gender', 'a finding is told by its element';
unlike $placed->body, qr/line \d/, 'and not by a line of the entry, which is another one in the Bundle';
my %typo = (resourceType => 'Patient');
for ([ 'Bundle.entry[0].request.ifNonExist',
        { entry => [ entry(POST => 'Patient', \%typo, ifNonExist => 'identifier=urn:i|a') ] } ],
    [ 'Bundle.entry[0].fullURL', { entry => [ { %{ entry(POST => 'Patient', \%typo) }, fullURL => 'urn:uuid:1' } ] } ],
    [ 'Bundle.entries', { entries => [] } ], [ 'Bundle.entry', { entry => entry(POST => 'Patient', \%typo) } ])
{
    my ($place, $members) = @$_;
    for my $type (qw(transaction batch)) {
        my $refused = $t->post($base, { resourceType => 'Bundle', type => $type, %$members });
        is $refused->status . expression($refused), "422$place", "$place in a $type is refused" or diag $refused->body;
    }
}
is_outcome $t->post($base, { resourceType => 'Bundle', type => $_, entry => [] }), 422, 'structure',
    qr/must not be empty/, "an empty array of entries: $_" for qw(batch transaction);
is $t->post($base, { resourceType => 'Bundle', type => $_ })->status, 200, "no entries: $_" for qw(batch transaction);
is_outcome $t->post($base, { resourceType => 'Bundle', type => 'collection', entry => [] }), 400, 'invalid',
    qr/batch or transaction/,
    'a Bundle of another type';

my ($binary) = places(transaction(entry(POST => 'Binary', { resourceType => 'Binary', contentType => 'text/plain',
        data => 'eA==' })));
is bundle('batch', entry(GET => $binary))->json->{entry}[0]{resource}{data}, 'eA==',
    'in a Bundle a Binary is a resource';
my @reads = map { entry(GET => $p, @$_) } [ undef, ifNoneMatch => 'W/"1"' ], [ undef,
    ifModifiedSince => '2100-01-01T00:00:00.000+14:00' ],
    [ undef, ifModifiedSince => '2020-01-01T00:00:00Z' ], [ undef, ifModifiedSince => 'soon' ];
$r = bundle('batch', @reads, entry(HEAD => $p));
is statuses($r), '304 304 200 200 200', 'conditional reads in a Bundle';
ok !$r->json->{entry}[4]{resource}, 'and one that asks for no resource';
is bundle('transaction', entry(POST => 'Bundle', { resourceType => 'Bundle', type => 'collection',
            entry => [ { fullUrl => 'http://far.example/Observation/1',
                resource => { %{ observation('Patient/not-here') }, id => '1' } } ] }))->status, 200,
    'a Bundle that is stored has references of its own';
$r = $t->post($base, { resourceType => 'Bundle', type => 'transaction',
        entry => [ entry(POST => 'Patient', patient('h')), entry(GET => $p) ] },
    Prefer => 'return=OperationOutcome');
is $r->json->{entry}[0]{response}{outcome}{resourceType}, 'OperationOutcome',
    'Prefer: return=OperationOutcome: in the response';
ok !$r->json->{entry}[0]{resource}, 'not as the resource';
is $r->json->{entry}[1]{resource}{resourceType}, 'Patient', 'what was asked for is one';

# ---- at the same time ----

# Another client's conditional create holds the lock of its condition.
my %env = %{ $t->cluster->env($t->database) };
local @ENV{ keys %env } = values %env;
open my $psql, '|-', pg_bin('psql'), '-Xqo', '/dev/null' or die "psql: $!";
print {$psql} "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('main/Patient&identifier=urn:i|a', 0));\n";
$psql->flush;
wait_for(sub { $t->psql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted}) == 1 });
is transaction(entry(POST => 'Observation', observation('Patient?identifier=urn:i|a')))->status, 200,
    'a conditional reference does not wait for it';
close $psql;

# Two clients create the same resources under conditions, in opposite orders.
my @pipes = map {
    my $way = $_;
    my $pid = open(my $from, '-|') // die "fork: $!";
    if (!$pid) {
        my $http = HTTP::Tiny->new(timeout => 60);
        for my $round (1 .. 40) {
            my @values = map { "way$round-$_" } $way ? 1 .. 5 : reverse 1 .. 5;
            my @entries = map { entry(POST => 'Patient', patient($_), ifNoneExist => "identifier=urn:i|$_") } @values;
            my $made = $http->post($t->url($base), { headers => { 'Content-Type' => 'application/fhir+json' },
                    content => encode_json({ resourceType => 'Bundle', type => 'transaction', entry => \@entries }) });
            print "$made->{status}\n";
        }
        close STDOUT;
        POSIX::_exit(0);
    }
    $from;
} 0, 1;
my %answers;
$answers{$_}++ for map { my $from = $_; map { s/\n//r } <$from> } @pipes;
is_deeply \%answers, { 200 => 80 }, 'conditional creates in opposite orders do not wait in a circle';
is $t->psql(q{SELECT count(*) FROM main.patient WHERE resource LIKE '%"way%'}), 200,
    'and make each resource once';

# ---- conditions that name other entries, and that what is created must meet ----

my @linked = (
    entry(POST => 'Coverage', { resourceType => 'Coverage', status => 'active', payor => [ { display => 'x' } ],
            beneficiary => { reference => 'urn:uuid:11111111-1111-4111-8111-111111111111' } },
        ifNoneExist => 'beneficiary=urn:uuid:11111111-1111-4111-8111-111111111111'),
    entry(POST => 'Patient', patient('linked'), ifNoneExist => 'identifier=urn:i|linked',
        fullUrl => 'urn:uuid:11111111-1111-4111-8111-111111111111'));
my @first = places(transaction(@linked));
is statuses(transaction(@linked)), '200 200',
    'a condition with the fullUrl of another entry finds what was created by it';
is join(' ', places(transaction(@linked))), "@first", 'each time';
is $t->psql('SELECT count(*) FROM main.coverage'), 1, 'and creates no second one';
is_outcome transaction(entry(POST => 'Patient', patient('k1'), ifNoneExist => 'identifier=urn:i|k2')), 412, 'conflict',
    qr/does not match the condition "identifier=urn:i\|k2"/, 'a create that does not meet its condition';
is_outcome transaction(entry(PUT => 'Patient?identifier=urn:i|k2', patient('k1'))), 412, 'conflict',
    qr/does not match the condition/, 'and an update that would create so';
is_outcome transaction(
    entry(POST => 'Patient', patient('k1'), ifNoneExist => 'Practitioner?identifier=urn:i|k1')), 400, 'invalid',
    qr/another type/, 'a condition of another type';
is_outcome transaction(
    entry(PUT => 'Patient?general-practitioner=urn:uuid:a', patient('a1'), fullUrl => 'urn:uuid:b'),
    entry(PUT => 'Practitioner?_has:Patient:general-practitioner:_id=1&identifier=urn:uuid:b',
        { resourceType => 'Practitioner' }, fullUrl => 'urn:uuid:a')), 412, 'conflict', qr/does not match/,
    'an identifier that looks like a fullUrl stays';
is_outcome transaction(entry(PUT => 'Encounter?part-of=urn:uuid:self',
        { resourceType => 'Encounter', status => 'planned', class => { code => 'AMB' } }, fullUrl => 'urn:uuid:self')),
    400, 'invalid', qr/depends on this entry/, 'a condition that leads to its own entry';
is $t->psql("SELECT count(*) FROM main.patient WHERE resource LIKE '%\"k1\"%'"), 0, 'nothing of these was done';

$t->done;
