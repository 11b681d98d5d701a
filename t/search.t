#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The answer of a search: pages and their links, includes, forms, errors, operations. Which resources
# are found is compared with a plain evaluator in t/search-oracle.t.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
my @observations = map {
    {   resourceType => 'Observation', id => "o$_", status => 'final',
        subject => { reference => 'Patient/' . ($_ % 2 ? 'p1' : 'p2') },
        performer => [ { reference => 'Practitioner/d1' } ],
        code => { coding => [ { system => 'http://loinc.org', code => $_ % 3 ? '1-8' : '2-6' } ] },
        $_ == 9 ? () : (effectiveDateTime => sprintf('2024-01-%02dT10:00:00Z', $_)),
    }
} 1 .. 20;
$t->load(
    { resourceType => 'Patient', id => 'p1', name => [ { family => "M\x{fc}ller", given => ['Ann'] } ], birthDate => '1970-02' },
    { resourceType => 'Patient', id => 'p2', name => [ { family => 'O,Hara' } ], gender => 'male' },
    { resourceType => 'Practitioner', id => 'd1', name => [ { family => 'Doe' } ] },
    { resourceType => 'Provenance', id => 'v1', recorded => '2024-01-01T00:00:00Z', target => [ { reference => 'Observation/o1' } ],
        agent => [ { who => { reference => 'Practitioner/d1' } } ] },
    @observations,
);

sub ids {
    my ($bundle, $mode) = @_;
    return join ' ', map { $_->{resource}{id} } grep { $_->{search}{mode} eq ($mode || 'match') } @{ $bundle->{entry} || [] };
}
sub link_to {
    my ($bundle, $relation) = @_;
    my ($found) = grep { $_->{relation} eq $relation } @{ $bundle->{link} };
    return $found ? $found->{url} =~ s{^https?://[^/]+}{}r : undef;
}
sub ask { return $t->get("/dev/r4/$_[0]")->json }

# ---- matches ----
my @finds = (
    ['Patient?family=mul' => 'p1'], ['Patient?family=MULLER' => 'p1'], ['Patient?family:exact=Muller' => ''],
    ['Patient?family=o%5C,h' => 'p2'], ['Patient?birthdate=1970' => 'p1'], ['Patient?birthdate=lt1970-02' => ''],
    ['Patient?gender:not=male' => 'p1'], ['Patient?gender:missing=true' => 'p1'],
    ['Patient?_has:Observation:patient:code=2-6&family=o' => 'p2'], ['Patient?_filter=family%20co%20%22lle%22' => 'p1'],
    ['Observation?patient=p1&date=2024-01-03,2024-01-05' => 'o5 o3'], ['Observation?subject:Patient.family=m&date=eb2024-01-04' => 'o1 o3'],
    ['Observation?patient=p1&code=http://loinc.org|2-6&_sort=date' => 'o3 o15 o9'], ['Patient/p2/Observation?date=le2024-01-04' => 'o2 o4'],
    ['Practitioner?_has:Observation:performer:patient.gender=male' => 'd1'],
    # approximately 105: from before year 1 to some hundred years later
    ['Patient?_lastUpdated=ap0105' => ''], ['Patient?_lastUpdated=ap0105,gt2000' => 'p1 p2'],
);
is(ids(ask($_->[0])), $_->[1], $_->[0]) for @finds;

# ---- a reference to a patient among more than a tsvector holds ----
my @crowd = map { { reference => "Practitioner/\L" . 'x' x 40 . "-$_" } } 1 .. 25000;
$t->load({ resourceType => 'Observation', id => 'crowd', status => 'final', code => { text => 'crowd' },
        performer => [ @crowd, { reference => 'Patient/p9' } ] });
is(ids(ask('Observation?performer=Patient/p9')), 'crowd', 'performer');
is(ids(ask('Observation?performer=Patient/p8')), '', 'of another');
is(ids(ask('Patient/p9/Observation')), 'crowd', 'in the compartment');
$t->psql(q{DELETE FROM main.observation WHERE id = 'crowd'});

# ---- more words than a tsvector holds ----
my $book = join ' ', 'first', map { "w$_" . 'x' x 20 } 1 .. 60000;
$t->load({ resourceType => 'Basic', id => 'book', code => { text => 'last' },
        text => { status => 'generated', div => qq{<div xmlns="http://www.w3.org/1999/xhtml">$book</div>} } },
    { resourceType => 'Basic', id => 'page', code => { text => 'b' }, text => { status => 'generated',
            div => '<div xmlns="http://www.w3.org/1999/xhtml">first resourcetype</div>' } });
is(ids(ask('Basic?_text=first')), 'book page', '_text');
is(ids(ask('Basic?_content=first')), 'book page', '_content');
is(ids(ask('Basic?_content=resourceType')), 'page', '_content is of values, not of names');

# ---- numbers that a double cannot hold ----
is($t->get("/dev/r4/Location?near=$_")->status, 200, "near=$_") for '1e-400%7C0', '0%7C-1e-9999%7C1e9999', '0%7C0%7C1e-9999%7Cmi';

# ---- short forms of URLs ----
my $core = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient';
my @listed = split /\n/, $t->psql('SELECT url FROM main.fhir_short_form');
cmp_ok scalar @listed, '>', 20, 'URLs that have short forms';
my @all = map { $_, "${_}x", substr($_, 0, -1) || 'x' } @listed;
my %profiles = (b1 => ['http://zzz.example/p'], b2 => [$core], b3 => ['~Kpatient'], b4 => \@all, b5 => ["$core|6.1.0"]);
$t->load(map { { resourceType => 'Basic', id => $_, code => { text => 'x' }, meta => { profile => $profiles{$_} } } } keys %profiles);
is $t->psql(q{SELECT string_agg(main.fhir_full(f), ' ' ORDER BY n) FROM main.basic, unnest(meta_profile) WITH ORDINALITY u(f, n) WHERE id = 'b4'}),
    "@all", 'the stored forms stand for the URLs';
is $t->psql(q{SELECT count(*) FROM main.basic, unnest(meta_profile) f WHERE f <> main.fhir_short(main.fhir_full(f))}), 0, 'in SQL, too';
is(ids(ask("Basic?_id=b1,b2,b3&$_->[0]")), $_->[1], $_->[0])
    for ['_sort=_profile' => 'b2 b1 b3'], ['_sort=-_profile' => 'b3 b1 b2'], ['_profile=~Kpatient' => 'b3'], ["_profile=$core" => 'b2'],
    ['_profile:below=http://hl7.org/fhir/us' => 'b2'], ['_profile:below=~Kpatient,http://hl7.org' => 'b2 b3'],
    ["_profile:above=$core/x" => 'b2'], ['_profile:below=http://hl7.org/fhir/us/core/Struc' => ''];

# ---- the version behind a URL ----
is(ids(ask("Basic?_id=b1,b2,b3,b5&$_->[0]")), $_->[1], $_->[0])
    for ["_profile=$core" => 'b2'], ["_profile=$core|6.1.0" => 'b5'], ["_profile:below=$core" => 'b2 b5'], ["_profile:below=$core|6" => 'b5'],
    ["_profile:below=$core|6.1" => 'b5'], ["_profile:below=$core|6.1.0" => 'b5'], ["_profile:below=$core|6.1.0.1" => ''],
    ["_profile:below=$core|6." => ''], ["_profile:below=$core|5" => ''], ["_profile:above=$core|6.1.0" => 'b2 b5'],
    ["_profile:above=$core|6.1" => 'b2'], ['_profile:below=http://hl7.org/fhir/us' => 'b2 b5'];

# ---- pages ----
for my $search ('patient=p1', 'patient=p1&_sort=date', 'patient=p1&_sort=-date', '_sort=code,-_id', 'status=final') {
    my $all = ids(ask("Observation?$search&_count=100"));
    my ($page, @pages) = (ask("Observation?$search&_count=3"));
    while (1) {
        push @pages, ids($page);
        my $next = link_to($page, 'next') or last;
        $page = $t->get($next)->json;
    }
    is("@pages", $all, "$search: the pages are the whole");
    for my $n (reverse 0 .. $#pages - 1) {
        $page = $t->get(link_to($page, 'previous'))->json;
        is(ids($page), $pages[$n], "$search: back to page $n");
    }
    is(link_to($page, 'previous'), undef, "$search: nothing is before the first");
}
my $next = link_to(ask('Observation?patient=p1&_count=2'), 'next');
unlike($next, qr/2024/, 'a page link does not show its key');
is_outcome($t->get($next =~ s/p1/p2/r), 400, 'invalid', qr/page link/, 'a link of another search');
is_outcome($t->get($next =~ s/(_cursor=.{6})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/er), 400, 'invalid', qr/page link/, 'an altered link');
is_outcome($t->get("$next&_elements=status"), 400, 'invalid', qr/page link/, 'a link with something added');
is($t->get("$next&_format=xml&_pretty=true")->status, 200, 'but a page may be had in another format');
like($t->get($next, Accept => 'text/html')->body, qr/_cursor=[^"]*&amp;_format=json/, '  as its HTML offers');
my $before = ids($t->get($next)->json);
$t->load({ %{ $observations[0] }, id => 'new', effectiveDateTime => '2024-02-01T00:00:00Z' });
is(ids($t->get($next)->json), $before, 'what is written meanwhile does not move a page');

# ---- pages of several types: there and back ----
my @both = ('?_type=Observation,Patient,Practitioner,Provenance,Device', 'Patient/p1/*?_type=Patient,Observation,Provenance');
for my $search (@both) {
    my $all = ids(ask("$search&_count=100"));
    for my $count (1, 3, 7) {
        my ($page, @pages) = (ask("$search&_count=$count"));
        while (1) {
            push @pages, ids($page);
            my $link = link_to($page, 'next') or last;
            $page = $t->get($link)->json;
        }
        is("@pages", $all, "$search: pages of $count are the whole");
        for my $n (reverse 0 .. $#pages - 1) {
            $page = $t->get(link_to($page, 'previous'))->json;
            is(ids($page), $pages[$n], "$search: back to page $n") or last;
        }
        is(link_to($page, 'previous'), undef, "$search: nothing is before the first");
        is(ids($t->get(link_to($page, 'next'))->json), $pages[1], "$search: and forward again");
    }
}

# ---- references by canonical URL ----
my $survey = 'http://example.org/Questionnaire/survey';
$t->load((map { { resourceType => 'Questionnaire', id => "q$_", url => $survey, version => "$_", status => 'active' } } 1, 2),
    { resourceType => 'Questionnaire', id => 'other', url => "${survey}2", status => 'active' },
    (map { { resourceType => 'QuestionnaireResponse', id => "r$_->[0]", status => 'completed', questionnaire => $_->[1] } }
        [ any => $survey ], [ one => "$survey|1" ], [ minor => "$survey|1.2" ], [ ten => "$survey|10" ], [ three => "$survey|3" ], [ q2 => 'Questionnaire/q2' ]));
sub included { return join ' ', sort split / /, ids(ask($_[0]), 'include') }
for (
    [ 'Questionnaire?_id=q1&_revinclude=QuestionnaireResponse:questionnaire' => 'rany rone' ],
    [ 'Questionnaire?_id=q2&_revinclude=QuestionnaireResponse:questionnaire' => 'rany rq2' ],
    [ 'Questionnaire?_id=other&_revinclude=QuestionnaireResponse:questionnaire' => '' ],
    [ 'QuestionnaireResponse?_id=rany&_include=QuestionnaireResponse:questionnaire' => 'q1 q2' ],
    [ 'QuestionnaireResponse?_id=rone&_include=QuestionnaireResponse:questionnaire' => 'q1' ],
    [ 'QuestionnaireResponse?_id=rthree&_include=*' => '' ],
    [ 'QuestionnaireResponse?_id=rq2&_include=QuestionnaireResponse:questionnaire:Questionnaire' => 'q2' ],
    )
{
    is(included($_->[0]), $_->[1], "$_->[0] brings '$_->[1]'");
}

for (
    [ 'QuestionnaireResponse?questionnaire.version=1' => 'rany rone' ],
    [ 'QuestionnaireResponse?questionnaire:Questionnaire.version=2' => 'rany rq2' ],
    [ 'QuestionnaireResponse?questionnaire._id=other' => '' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=rone' => 'q1' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed' => 'q1 q2' ],
    [ 'Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=rthree' => '' ],
    [ "QuestionnaireResponse?questionnaire=$survey" => 'rany rminor rone rten rthree' ],
    [ "QuestionnaireResponse?questionnaire=$survey|1" => 'rone' ],
    [ "QuestionnaireResponse?questionnaire:below=$survey" => 'rany rminor rone rten rthree' ],
    [ "QuestionnaireResponse?questionnaire:below=$survey|1" => 'rminor rone' ],
    [ "QuestionnaireResponse?questionnaire:above=$survey|1.2" => 'rany rminor rone' ],
    [ "Questionnaire?url=$survey" => 'q1 q2' ],
    [ "Questionnaire?url=$survey|2" => 'q2' ],
    [ "Questionnaire?url=$survey|1,${survey}2" => 'other q1' ],
    [ "Questionnaire?url=${survey}2|1" => '' ],
    [ "QuestionnaireResponse?questionnaire:Questionnaire.url=$survey|2" => 'rany rq2' ],
    )
{
    is(ids(ask($_->[0])), $_->[1], "$_->[0] finds '$_->[1]'");
}

# ---- entries of lists ----
$t->load(map { { resourceType => 'List', id => "l$_", status => 'current', mode => 'working',
        entry => [ { item => { reference => "Patient/p$_" } }, { item => { reference => 'Practitioner/d1' } } ] } } 1, 2);
is(ids(ask($_->[0])), $_->[1], $_->[0])
    for ['Patient?_list=l1' => 'p1'], ['Patient?_list=List/l2' => 'p2'], ['Patient?_list=' . $t->url('/dev/r4/List/l2') => 'p2'],
    ['Patient?_list=l1,l2' => 'p1 p2'], ['Patient?_list=l1&_list=l2' => ''], ['Patient?_list=l1,l2&gender=male' => 'p2'], ['Patient?_list=l3' => ''],
    ['Practitioner?_list=l1' => 'd1'], ['Observation?patient._list=l1&date=2024-01-03' => 'o3'];
is_outcome($t->get('/dev/r4/Patient?_list=Patient/p1'), 400, 'invalid', qr/id of a List/, 'what is no list');

# ---- numbers, by the digits that are written; open and closed ranges ----
my $ucum = 'http://unitsofmeasure.org';
sub measured { my ($id, %quantity) = @_; return { resourceType => 'Observation', id => $id, status => 'final', code => { text => 'x' }, valueQuantity => \%quantity } }
$t->load((map { measured("m$_", value => $_ + 0) } -5, 90, 95, 99.5, 100, 100.5, 104.99, 105, 110),
    measured('mg', value => 5.4, unit => 'milligram', system => $ucum, code => 'mg'), measured('unit', value => 5.4, unit => 'mg'),
    measured('g', value => 0.0054, unit => 'g', system => $ucum, code => 'g'), measured('other', value => 5.4, system => 'urn:units', code => 'mg'),
    (map { { resourceType => 'RiskAssessment', id => $_->[0], status => 'final', subject => { reference => 'Patient/p1' },
            prediction => [ { probabilityRange => { map { ($_->[0] => { value => $_->[1] }) } @{ $_->[1] } } } ] } }
        [ between => [ [ low => 2 ], [ high => 4 ] ] ], [ above => [ [ low => 2 ] ] ], [ below => [ [ high => 4 ] ] ]));
for (
    [ '100' => 'm100 m99.5' ], [ '100.00' => 'm100' ], [ '1e2' => 'm100 m100.5 m104.99 m95 m99.5' ], [ '1.0e2' => 'm100 m100.5 m104.99 m95 m99.5' ],
    [ '1.00e2' => 'm100 m99.5' ], [ 'ap100' => 'm100 m100.5 m104.99 m105 m110 m90 m95 m99.5' ], [ 'ap-5' => 'm-5' ], [ '-5' => 'm-5' ], [ '-5.0' => 'm-5' ],
    [ 'gt100' => 'm100.5 m104.99 m105 m110' ], [ 'sa105' => 'm110' ], [ 'ge105' => 'm105 m110' ], [ 'lt-4.99' => 'm-5' ], [ 'eb-5' => '' ], [ 'le-5' => 'm-5' ],
    [ 'ge1.05E2' => 'm105 m110' ], [ '90,gt109' => 'm110 m90' ], [ "5.4|$ucum|mg" => 'mg' ], [ '5.4||mg' => 'mg other unit' ], [ '5.4||milligram' => 'mg' ],
    [ '5.4' => 'mg other unit' ], [ "5.40e-3|$ucum|g" => 'g' ], [ "5.4|$ucum|milligram" => '' ], [ "lt5.41|$ucum|" => 'g mg' ], [ "5.4|urn:units|mg" => 'other' ],
    )
{
    is(join(' ', sort split / /, ids(ask("Observation?value-quantity=$_->[0]"))), $_->[1], "value-quantity=$_->[0]");
}
for (
    [ '3' => '' ], [ '3e0' => '' ], [ 'gt3' => 'above below between' ], [ 'gt4' => 'above' ], [ 'lt3' => 'above below between' ], [ 'lt2' => 'below' ], [ 'ge4' => 'above below between' ],
    [ 'le2' => 'above below between' ], [ 'sa1.9' => 'above between' ], [ 'sa2' => '' ], [ 'eb4.1' => 'below between' ], [ 'eb4' => '' ], [ 'ne3' => 'above below between' ],
    [ 'ap3' => 'above below between' ], [ 'ap1' => 'below' ], [ 'ap5' => 'above' ],
    )
{
    is(join(' ', sort split / /, ids(ask("RiskAssessment?probability=$_->[0]"))), $_->[1], "probability=$_->[0]");
}

# ---- places ----
# a thousandth of a degree on the equator is 111.19 m
my %at = (here => [ 0, 0 ], '111m' => [ 0, 0.001 ], '44km' => [ 0.4, 0 ], '56km' => [ 0, -0.5 ], west => [ 10, -179.9 ], east => [ 10, 179.9 ], pole => [ 90, 77 ]);
$t->load({ resourceType => 'Location', id => 'nowhere', name => 'x' },
    map { { resourceType => 'Location', id => $_, position => { latitude => $at{$_}[0], longitude => $at{$_}[1] } } } keys %at);
is(join(' ', sort split / /, ids(ask("Location?near=$_->[0]"))), $_->[1], "near=$_->[0]")
    for ['0|0|112|m' => '111m here'], ['0|0|111|m' => 'here'], ['0|0|0.112|km' => '111m here'], ['0|0|0.112' => '111m here'], ['0|0' => '111m 44km here'],
    ['0|0||m' => '111m 44km here'], ['0|0|365|ft' => '111m here'], ['0|0|364|ft' => 'here'], ['0|0|28|mi' => '111m 44km here'], ['0|0|27|mi' => '111m here'],
    ['10|180|11' => 'east west'], ['90|-12|1' => 'pole'], ['0|0|1|m,90|0|1|m' => 'here pole'], ['1e-999|-1e-999|1e-3' => 'here'], ['0|0|20016' => join ' ', sort keys %at], ['0|0|1e999' => join ' ', sort keys %at];
is(ids(ask('Location?near:missing=true')), 'nowhere', 'near:missing');
is_outcome($t->get("/dev/r4/Location?near=$_"), 400, 'invalid', qr/latitude\|longitude/, "near=$_") for '0', '0|181', '0|0|-1', '0|0|1|yd', '0|0|x', '|0';

# ---- words ----
my %noted = (n1 => 'Bone and liver', n2 => 'Metastases of the liver', n3 => 'bone metastases', n4 => 'Heart. No metastases.');
$t->load(map { { resourceType => 'Basic', id => $_, code => { text => 'x' },
        text => { status => 'generated', div => qq(<div xmlns="http://www.w3.org/1999/xhtml">$noted{$_}</div>) } } } keys %noted);
is(ids(ask("Basic?_text=$_->[0]")), $_->[1], "_text=$_->[0]")
    for ['(bone%20OR%20liver)%20and%20metastases' => 'n2 n3'], ['metastases%20(bone%20or%20liver)' => 'n2 n3'], ['bone%20or%20liver%20and%20metastases' => 'n1 n2 n3'],
    ['LIVER' => 'n1 n2'], ['metastases%20-liver' => 'n3 n4'], ['metastases%20not%20(liver%20or%20bone)' => 'n4'], ['%22of%20the%20liver%22' => 'n2'],
    ['%22liver%20of%22' => ''], ['%22and%22' => 'n1'], ['NOT%20metastases%20and%20liver' => 'n1'], ['heart,%20no' => 'n4'];
is(ids(ask('Basic?_content=(liver%20or%20bone)%20-metastases')), 'n1', '_content knows them, too');
is_outcome($t->get("/dev/r4/Basic?_text=$_->[0]"), 400, 'invalid', $_->[1], "_text=$_->[0]")
    for ['(bone' => qr/closing bracket wanted at character 6/], ['bone)' => qr/Nothing wanted at character 5/], ['bone%20or' => qr/word wanted/],
    ['()' => qr/word wanted/], ['(' x 30 => qr/Less depth/];
is(ids(ask("Basic?_text=$_->[0]")), $_->[1], "_text=$_->[0]")
    for ["liver%20'" => 'n1 n2'], ["'liver'%20%26%20!%20%5C" => 'n1 n2'], ['liver:*%20%22%22' => 'n1 n2'], ['liver%20' x 500 => 'n1 n2'], ["liver|'%20heart%20%5C'" => ''];
is_outcome($t->get('/dev/r4/Basic?_text=' . 'x%20' x 501), 400, 'too-costly', qr/at most 500 words/, 'too many words');

# ---- strings of a composite ----
my @valued = map {
    { resourceType => 'Observation', id => "v$_->[0]", status => 'final', code => { coding => [ { code => 'colour' } ] }, %{ $_->[1] } }
} [ string => { valueString => 'Yellow' } ], [ concept => { valueCodeableConcept => { text => 'Yellow' } } ],
    [ coded => { valueCodeableConcept => { text => 'Yellow', coding => [ { code => 'y' } ] } } ];
$t->load(@valued);
is(ids(ask('Observation?code-value-string=colour$yel')), 'vstring', 'code-value-string finds strings, not the texts of concepts');
is(ids(ask('Observation?code-value-string=colour$blue,colour$yel')), 'vstring', 'in a list, too');
is(ids(ask('Observation?value-string=yel')), 'vcoded vconcept vstring', 'which value-string finds');

# ---- what is not there is said clearly ----
is_outcome($t->get('/dev/r4/Observation?_list=$current-problems'), 400, 'invalid', qr/no functional list "\$current-problems".*id of a List/, 'a functional list');
is_outcome($t->get('/dev/r4/Observation?code:in=http://example.org/vs'), 400, 'invalid',
    qr{code: the codes of value set "http://example.org/vs" are not known here.*ValueSet/\$expand}, 'a value set');
is_outcome($t->get('/dev/r4/Observation?code:not-in=http://example.org/vs'), 400, 'invalid', qr/not known here/, 'with :not-in');

# ---- includes, counts, forms ----
my $bundle = ask('Observation?_id=o1,o3&_include=Observation:subject&_include=Observation:performer&_revinclude=Provenance:target');
is(ids($bundle), 'o1 o3', 'matches');
is(join(' ', sort split / /, ids($bundle, 'include')), 'd1 p1 v1', 'each included resource once');
is(ask('Observation?patient=p2&_summary=count')->{total}, 10, '_summary=count');
is(ask('Observation?patient=p2&_total=accurate&_count=1')->{total}, 10, '_total');
is(ids($t->request('POST', '/dev/r4/Observation/_search', content => 'patient=p1&date=2024-01-03',
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' })->json),
    'o3', 'a form');
is_outcome($t->get('/dev/r4/Observation?patiant=p1'), 400, 'not-supported', qr/based-on.*patient/, 'an unknown parameter');
my $lenient = $t->get('/dev/r4/Observation?patiant=p1&_id=o1', Prefer => 'handling=lenient')->json;
is(ids($lenient), 'o1', 'lenient: it is ignored');
like($lenient->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/patiant/, 'and said so');
unlike(link_to($lenient, 'self'), qr/patiant/, 'and not in the self link');

# ---- several types: what all of them understand ----
is_outcome($t->get('/dev/r4/?_type=Observation,Patient&code=1-8&_id=o1'), 400, 'not-supported', qr/Patient has no search parameter "code"/, 'strict');
$lenient = $t->get('/dev/r4/?_type=Observation,Patient&code=1-8&_id=o1,p1', Prefer => 'handling=lenient')->json;
is(ids($lenient), 'o1 p1', 'what one type does not know is ignored in all');
like($lenient->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/^code was ignored: Patient has no/, '  and said so');
unlike(link_to($lenient, 'self'), qr/[?&]code=/, '  and not in the self link');
$lenient = $t->get('/dev/r4/?_type=Observation,Patient&nothing=1&_count=1&_id=o1,p1', Prefer => 'handling=lenient')->json;
is(ids($t->get(link_to($lenient, 'next'), Prefer => 'handling=lenient')->json), 'p1', '  in page links, too');
is_outcome($t->get('/dev/r4/Observation?_type=Patient'), 400, 'not-supported', qr/here the path says which/, '_type where the path says it');
$lenient = $t->get('/dev/r4/Observation?_type=Patient&_id=o1', Prefer => 'handling=lenient')->json;
is(ids($lenient), 'o1', '  lenient: ignored');
like($lenient->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/^_type was ignored/, '  and said so');
unlike(link_to($lenient, 'self'), qr/_type/, '  and not in the self link');
is_outcome($t->get('/dev/r4/?_type='), 400, 'invalid', qr/_type has an empty value/, 'no type');
is_outcome($t->get('/dev/r4/?_type=Nothing'), 400, 'invalid', qr/"Nothing" is no resource type/, 'an unknown type');
is(join(' ', sort split / /, ids(ask('?_type=Observation,Provenance&_id=o1,v1&_include=*'), 'include')), 'd1 p1', 'an include of all references follows those of each type');

# ---- compartments ----
is(ids(ask('Practitioner/d1/*?_type=Practitioner,Provenance')), 'd1 v1', 'what a compartment is of is in it');
for ([ 'Patient/p1/Practitioner' => 'Practitioner' ], [ 'Patient/p1/*?_type=Practitioner,Organization' => 'any of these types' ],
    [ 'Organization/g1/*' => 'any of these types' ], [ 'Organization/g1/Organization' => 'Organization' ]) {
    is_outcome($t->get("/dev/r4/$_->[0]"), 404, 'not-found', qr/no compartment of \w+ with \Q$_->[1]\E in it/, $_->[0]);
}

# ---- includes that go on ----
my @chain = map { { resourceType => 'Location', id => "l$_", partOf => { reference => 'Location/l' . ($_ + 1) } } } 1 .. 14;
$t->load(@chain, { resourceType => 'Location', id => 'l15', partOf => { reference => 'Location/l14' } });
my $far = ask('Location?_id=l1&_include:iterate=Location:partof');
is(ids($far, 'include'), join(' ', map { "l$_" } 2 .. 11), 'ten steps');
like((grep { $_->{search}{mode} eq 'outcome' } @{ $far->{entry} })[0]{resource}{issue}[0]{diagnostics}, qr/followed for 10 steps/, '  and the answer says so');
$far = ask('Location?_id=l12&_include:iterate=Location:partof');
is(ids($far, 'include'), 'l13 l14 l15', 'a circle ends');
is(scalar(grep { $_->{search}{mode} eq 'outcome' } @{ $far->{entry} }), 0, '  and nothing is left out');
is(ids(ask('Location?_id=l1&_include=Location:partof'), 'include'), 'l2', 'one step without :iterate');
is(ids(ask('Location?_id=l1&_include:iterate=*&_count=1'), 'include'), join(' ', map { "l$_" } 2 .. 11), 'by any reference');
is(join(' ', sort split / /, ids(ask('Location?_id=l15&_revinclude:iterate=Location:partof'), 'include')),
    join(' ', sort map { "l$_" } 5 .. 14), 'backwards');

# ---- operations ----
like(join(' ', sort split / /, ids(ask('Patient/p2/$everything?_count=50'))), qr/^o10 o12.*p2$/, '$everything');
is(ids(ask('Observation/$lastn?patient=p2&max=2&code=2-6')), 'o18 o12', '$lastn');
is_outcome($t->get('/dev/r4/Patient/none/$everything'), 404, 'not-found', qr/none/, '$everything of nobody');
is_outcome($t->get('/dev/r4/Patient/p1/$nothing'), 404, 'not-found', qr/everything/, 'an operation that is not there');

$t->done;
