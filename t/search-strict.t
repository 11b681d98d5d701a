#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# What a search does not understand is refused, with what it would accept; a client that prefers lenient
# handling is told, gets all else, and finds in the self link what applied.
use strict;
use warnings;
use FHIR::Test;
use Test::More;

my $t = FHIR::Test->new;
$t->load(
    { resourceType => 'Patient', id => 'p1', name => [ { family => 'Doe' } ], gender => 'male' },
    { resourceType => 'Patient', id => 'p2', name => [ { family => 'Roe' } ], gender => 'female' },
    { resourceType => 'Practitioner', id => 'd1', name => [ { family => 'Doe' } ] },
);

# query, the word that strict handling answers with, and (when lenient can do without) what is left of it
my @refused = (
    # names
    [ 'Patient?foo=1', qr/has no search parameter "foo"; it has .*birthdate/, '' ],
    [ 'Patient?=1', qr/without the name of a parameter/ ],
    [ 'Patient?name.foo=1', qr/name is not a reference.*general-practitioner/, '' ],
    [ 'Patient?general-practitioner.foo=1', qr/has no search parameter "foo"/, '' ],
    [ 'Patient?_has:Observation:foo:code=1', qr/references of Observation are .*subject/, '' ],
    [ 'Patient?_has:Observation:patient=1', qr/_has:Type:reference:parameter/, '' ],
    [ 'Patient?_type=Practitioner', qr/the path names the type/ ],
    [ 'Patient/p1/Observation?_type=Condition', qr/the path names the type/ ],
    [ '?_type=Patient,Foo', qr/"Foo" is not a resource type/ ],
    # modifiers: those that this very parameter has
    [ 'Patient?name:foo=1', qr/its modifiers are :missing, :exact, :contains$/, '' ],
    [ 'Patient?gender:exact=male', qr/its modifiers are :missing, :not, :in, :not-in, :above, :below$/, '' ],
    [ 'Patient?gender:text=male', qr/no modifier ":text"; its modifiers are :missing, :not,/, '' ],
    [ 'Patient?email:of-type=a|b|c', qr/no modifier ":of-type"/, '' ],
    [ 'Patient?identifier:exact=1', qr/:text, :not, :in, :not-in, :above, :below, :of-type$/, '' ],
    [ 'QuestionnaireResponse?questionnaire:identifier=1',
        qr/its modifiers are :missing, :above, :below, :\[type\]$/, '' ],
    [ 'Observation?subject:Foo=1', qr/no modifier ":Foo"/, '' ],
    [ 'Observation?patient:Group=1', qr/patient refers to Patient, not to "Group"/, '' ],
    [ 'Patient?birthdate:exact=1970', qr/its modifiers are :missing$/, '' ],
    [ 'Patient?gender:in=http://example.org/none', qr/does not know all codes/, '' ],
    # values
    [ 'Patient?name=a,', qr/empty value/, '' ], [ 'Patient?foo=', qr/has no search parameter "foo"/, '' ],
    [ 'Patient?name:foo=', qr/no modifier/, '' ],
    [ 'Patient?birthdate=2015-02-30', qr/such as 2015, 2015-02/, '' ],
    [ 'Patient?birthdate=xx2015', qr/not a prefix/, '' ],
    [ 'Patient?name:missing=1', qr/true or false/, '' ], [ 'Patient?_list=$current-problems',
        qr/accepts the id of a List/, '' ],
    [ 'Observation?value-quantity=5|mg', qr/number\|system\|code/, '' ], [ 'Observation?code-value-quantity=1',
        qr/2 values joined by \$/, '' ],
    [ 'Observation?subject=Foo/1', qr{id, Type/id, or a URL}, '' ], [ 'Observation?subject:Patient=Group/1',
        qr/references to Patient/, '' ],
    [ 'Location?near=91|0', qr/latitude\|longitude/, '' ], [ 'Patient?_filter=name%20is%20x',
        qr/operator that name has/, '' ],
    # results
    [ 'Patient?_sort=foo', qr/has no search parameter "foo"/, '' ], [ 'Observation?_sort=code-value-quantity',
        qr/_sort cannot use/, '' ],
    [ 'Patient?_include=Patient:foo', qr/it has .*general-practitioner/, '' ],
    [ 'Patient?_revinclude=Observation:encounter', qr/does not refer to Patient/, '' ],
    [ 'Patient?_include:foo=Patient:link', qr/there is :iterate/, '' ], [ 'Patient?_count=x', qr/whole number/, '' ],
    [ 'Patient?_total=all', qr/none, estimate or accurate/, '' ], [ 'Patient?_cursor=x', qr/page link/ ],
);
for (@refused) {
    my ($query, $word, $left) = @$_;
    my $url = "/dev/r4/$query";
    my $response = $t->get($url);
    my $text = eval { $response->json->{issue}[0]{diagnostics} } // '';
    is($response->status, 400, "strict: $query") or diag($response->body);
    like($text, $word, "  tells what is known");
    next if !defined $left;
    my $more = "$url&_id=p1";
    my $lenient = $t->get($more, Prefer => 'handling=lenient');
    my $bundle = $lenient->status == 200 ? $lenient->json : {};
    my ($self) = map { $_->{url} } grep { $_->{relation} eq 'self' } @{ $bundle->{link} || [] };
    like($self // $lenient->body, qr/\?_id=p1$/, '  lenient: the self link says what applied');
    my @remarks = map { @{ $_->{resource}{issue} } } grep { $_->{search}{mode} eq 'outcome' }
        @{ $bundle->{entry} || [] };
    is(scalar @remarks, 1, '  and the answer what did not');
    my ($type) = $query =~ /^(\w+)/;
    is(join(' ', map { $_->{resource}{id} } grep { $_->{search}{mode} eq 'match' } @{ $bundle->{entry} || [] }),
        $type eq 'Patient' ? 'p1' : '',
        '  the rest is searched for');
}

# of several, each is told; what precedes and follows holds
my $bundle = $t->get('/dev/r4/Patient?gender=male&foo=1&gender:in=urn:none&name=doe&_sort=bar',
    Prefer => 'handling=lenient, return=minimal')->json;
is(join(' ', map { $_->{search}{mode} } @{ $bundle->{entry} }), 'outcome match', 'several remarks, one entry');
is(scalar @{ $bundle->{entry}[0]{resource}{issue} }, 3, 'an issue for each');
like($bundle->{link}[0]{url}, qr/\?gender=male&name=doe$/, 'what was understood applies');
is($t->get('/dev/r4/Patient?foo=1', Prefer => 'handling=strict')->status, 400, 'strict can be asked for');

# what has no value is ignored, and told
for my $empty ('name=', 'name', 'name:exact=', 'general-practitioner:Practitioner.name=',
    '_has:Observation:patient:code=', '_list=', '_text=', '_filter=', '_count=', '_sort=') {
    my $bundle = $t->get("/dev/r4/Patient?$empty&gender=male")->json;
    like($bundle->{link}[0]{url}, qr/\?gender=male$/, "empty: $empty");
    is(join(' ', map { $_->{search}{mode} } @{ $bundle->{entry} }), 'outcome match',
        '  told, and the rest is searched for');
    (my $name = $empty) =~ s/=//;
    like($bundle->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/^\Q$name\E was ignored/, '  by its name');
}

# what there can be one of
for my $twice ([ '_count=1', '_count=2' ], [ '_summary=false', '_summary=count' ],
    [ '_total=none', '_total=accurate' ]) {
    my ($name) = $twice->[0] =~ /^(\w+)/;
    is_outcome($t->get('/dev/r4/Patient?' . join '&', @$twice), 400, 'invalid', qr/^$name is given twice/, "@$twice");
    my $lenient = $t->get('/dev/r4/Patient?' . join('&', @$twice), Prefer => 'handling=lenient')->json;
    like($lenient->{link}[0]{url}, qr/\?$twice->[0]$/, '  lenient: the first applies');
}
for my $same (qw(_count=1 _summary=true _total=accurate _sort=_id _format=json)) {
    my $bundle = $t->get("/dev/r4/Patient?$same&$same");
    is($bundle->status, 200, "$same twice is once");
}
my $parts = $t->get('/dev/r4/Patient?_elements=id,gender&_elements=name&_elements=gender')->json;
my %parts = map { $_ => 1 } map { keys %{ $_->{resource} } } @{ $parts->{entry} };
is(join(' ', sort grep { !/^(?:meta|resourceType)$/ } keys %parts), 'gender id name', '_elements are joined');

# the nearest name, and what R4 calls what was renamed
for (
    [ 'Patient?famly=x', qr/no search parameter "famly" \(did you mean "family"\?\)/ ],
    [ 'Patient?name:exat=x', qr/no modifier ":exat" \(did you mean ":exact"\?\)/ ],
    [ 'Patient?_=1700000000000', qr/client library appended it.*handling=lenient/ ],
    [ 'Slot?slot-type=x', qr/R4 calls it "service-type"/ ],
    [ 'Patient?zzzzzz=x', qr/no search parameter "zzzzzz"; it has/ ],
    ) {
    my ($url, $text) = @$_;
    is_outcome($t->get("/dev/r4/$url"), 400, 'not-supported', $text, "$url is refused with a hint");
}
for ([ 'MedicationOrder', qr/R4 calls it "MedicationRequest"/ ], [ 'Conformance', qr/"CapabilityStatement"/ ],
    [ 'Pateint', qr/did you mean "Patient"/ ]) {
    is_outcome($t->get("/dev/r4/$_->[0]"), 404, 'not-supported', $_->[1], "the type $_->[0] is refused with a hint");
}
for ([ 'patient/1', qr/below this base \(did you mean "Patient"\?\);/ ], [ 'Patient/1/x', qr/below this base;/ ]) {
    is_outcome($t->get("/dev/r4/$_->[0]"), 404, 'not-found', $_->[1], "$_->[0]: a type begins with a capital");
}
is_outcome($t->get('/dev/r4/Patient/$evrything'), 404, 'not-found', qr/did you mean \$everything\?/,
    'so is an operation');

# total costs nothing where the page holds all matches
for ([ 'Patient', 1 ], [ 'Patient?_count=1', 0 ], [ 'Patient?_total=none', 0 ], [ 'Patient?_id=nobody', 1 ]) {
    my ($url, $told) = @$_;
    my $bundle = $t->get("/dev/r4/$url")->json;
    is($bundle->{total}, $told ? scalar @{ $bundle->{entry} || [] } : undef, "total of $url");
}

is($t->get('/dev/r4?_type=Patient&_type=Practitioner&_summary=count')->json->{total}, 3, '_type may be repeated');
is_outcome($t->get('/dev/r4/Patient/p1/Foo'), 404, 'not-supported', qr/no resource type "Foo"/,
    'a compartment of what is no type');
is($t->get('/dev/r4/Patient?&name=doe&&')->json->{entry}[0]{resource}{id}, 'p1',
    'an empty part of a query says nothing');

for (
    [ 'Patient/p1/$everything?start=ge2020', qr/not a valid value for start/ ], [ 'Patient/p1/$everything?_since=x',
        qr/not a valid value for _since/ ],
    [ 'Patient/p1/$everything?_type=Foo', qr/not a resource type/ ], [ 'Patient/p1/$everything?foo=1',
        qr/it has start, end, _since/ ],
    [ 'DocumentReference/$docref?patient=p1&end=x', qr/not a valid value for end/ ], [ 'DocumentReference/$docref',
        qr/needs patient/ ],
    [ 'DocumentReference/$docref?patient=p1&on-demand=1', qr/true or false/ ], [ 'Observation/$lastn?patient=p1&max=0',
        qr/1 to 1000/ ],
    [ 'Observation/$lastn?code=1', qr/needs the patient/ ],
    )
{
    my $response = $t->get("/dev/r4/$_->[0]");
    is($response->status, 400, $_->[0]);
    like($response->json->{issue}[0]{diagnostics}, $_->[1], '  tells why');
}

# ---- a parameter that is misspelt ----
is_outcome($t->get('/dev/r4/Patient?gendr=male'), 400, 'not-supported', qr/birthdate.*gender/, 'an unknown parameter');
my $lenient = $t->get('/dev/r4/Patient?gendr=male&_id=p1,p2', Prefer => 'handling=lenient');
is($lenient->found, 'p1 p2', 'lenient: it is ignored');
like($lenient->json->{entry}[0]{resource}{issue}[0]{diagnostics}, qr/gendr/, 'and said so');
unlike($lenient->link('self'), qr/gendr/, 'and not in the self link');

# the + of an offset comes as a blank when it is not written %2B
for (
    'Observation?date=ge2020-01-01T00:00:00+02:00', 'Patient/_history?_since=2020-01-01T00:00:00+02:00',
    'Patient/_history?_at=2020-01-01T00:00:00+02:00', 'Patient/p1/$everything?_since=2020-01-01T00:00:00+02:00',
    'Patient/p1/$everything?start=2020-01-01T00:00:00+02:00', 'Observation?_filter=date+ge+2020-01-01T00:00:00+02:00',
    'Observation?_filter=(date+ge+2020-01-01T00:00:00+02:00)+and+status+eq+final',
    'DocumentReference/$docref?patient=p1&start=2020-01-01T00:00:00+02:00',
    )
{
    is($t->get("/dev/r4/$_")->status, 200, "a raw + in $_");
}
is_outcome($t->get("/dev/r4/$_=2020-01-01T00:00:00+x"), 400, 'invalid', qr/%2B/,
    "the refusal of $_ tells how to write it")
    for 'Observation?date', 'Patient/_history?_since', 'Patient/p1/$everything?start';

$t->done;
