#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The CapabilityStatement says what the server does: it names all that US Core expects, passes the
# validator, and each search parameter, include, interaction and operation that it declares is there.
# What it does not declare is refused.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(read_file write_file);
use Test::More;

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRValidate structure
    FHIRReferencesCheck Off
    FHIRConditionalDelete multiple
    FHIRPracticeName "Lakeside Family Practice"
    Require local
</Location>
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRTenant main
    FHIRInteractions read search
</Location>
<Location "/put/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions update
    FHIRUpdateCreate On
    FHIRRequireIfMatch Off
    Require local
</Location>
<Location "/ro/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions read vread history search
    Require local
</Location>
<Location "/bare/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions read
    Require local
</Location>
CONF

my $text = $t->get('/dev/r4/metadata')->body;
my ($full, $reading, $bare, $putting) = map { $t->get("/$_/r4/metadata")->json } qw(dev ro bare put);
my $rest = $full->{rest}[0];
my %of = map { $_->{type} => $_ } @{ $rest->{resource} };
my @types = sort keys %of;
is(scalar @types, 145, 'every resource type is declared that is served');
ok(!$of{Subscription}, 'Subscription is not: nothing would be delivered');

# ---- what US Core expects ----

my $COMBINATION = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-search-parameter-combination';

# Everything declared of a type, as "kind name".
sub declared {
    my ($raw) = @_;
    my %found = map { ("interaction $_->{code}" => 1) } @{ $raw->{interaction} || [] };
    $found{'type '} = 1 if $raw->{type};
    for ([ operation => 'operation' ], [ param => 'searchParam' ]) {
        my ($kind, $member) = @$_;
        $found{"$kind $_->{name}"} = 1 for @{ $raw->{$member} || [] };
    }
    for ([ include => 'searchInclude' ], [ revinclude => 'searchRevInclude' ], [ profile => 'supportedProfile' ]) {
        my ($kind, $member) = @$_;
        $found{"$kind $_"} = 1 for @{ $raw->{$member} || [] };
    }
    for my $extension (@{ $raw->{extension} || [] }) {
        next if $extension->{url} ne $COMBINATION;
        my $names = join '+', map { $_->{valueString} } grep { $_->{url} eq 'required' } @{ $extension->{extension} };
        $found{"combination $names"} = 1;
    }
    return \%found;
}

my %all = ((map { $_ => declared($of{$_}) } @types), '' => declared($rest));
my (@releases, @wrong, %expected);
for my $line (split /\n/, read_file(source_dir() . '/t/us-core.tsv')) {
    my ($type, $kind, $name, $row) = split /\t/, $line;
    if ($type =~ /^#/) { @releases = split / /, $row; next }
    my @names = ($name, $kind eq 'profile' ? map { "$name|$releases[$_]" }
            grep { substr($row, $_, 1) ne '-' } 0 .. $#releases : ());
    push @wrong, map { "$type $kind $_" } grep { !$all{$type}{"$kind $_"} } @names;
    $expected{"$type $kind $_"} = 1 for @names;
}
is(join("\n", @wrong), '', 'all that US Core expects of a server is declared');
cmp_ok(scalar keys %expected, '>', 500, 'which is a lot');
my @more;
for my $type (@types) {
    push @more, grep { /combination/ && !$expected{$_} } map { "$type $_" } keys %{ $all{$type} };
}
is(join("\n", @more), '', 'and no combination that it does not have');
my $core = 'http://hl7.org/fhir/us/core/CapabilityStatement/us-core-server';
is_deeply($full->{instantiates}, [ $core, map { "$core|$_" } @releases ], 'instantiates names every release');

my $done = $t->fhirctl('validate', write_file(work_dir() . '/metadata.json', $text));
is($done->{status}, 0, 'the statement passes the validator') or diag(substr $done->{out} . $done->{err}, 0, 3000);
is($t->get("/dev/r4/metadata?_format=$_")->status, 200, "and can be had as $_") for qw(xml json html);

# ---- who says it ----

cmp_ok(length $text, '<', 250_000, 'the statement is not too large to be read at each start of an app');
my $base = $full->{implementation}{url};
like($base, qr{/dev/r4$}, 'the base');
is_deeply([ @$full{qw(url name publisher status kind)} ],
    [ "$base/metadata", 'ModFhirCapabilityStatement', 'Lakeside Family Practice', 'active', 'instance' ],
    'who publishes what');
like($full->{$_}, qr/./, $_) for qw(version title date);
my $guide = 'http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core';
is_deeply($full->{implementationGuide}, [ map { "$guide|$_" } @releases ], 'the guides');
is($rest->{security}, undef, 'an open endpoint wants no token');
my $secured = $t->get('/fhir/r4/metadata')->json;
my ($oauth) = @{ $secured->{rest}[0]{security}{extension} };
is_deeply({ map { $_->{url} => $_->{valueUri} } @{ $oauth->{extension} } },
    { map { $_ => "$secured->{implementation}{url}/auth/$_" } qw(authorize token introspect manage revoke) },
    'others say where tokens are had');
like($secured->{implementationGuide}[-1], qr/smart-app-launch/, 'by which rules, too');
is($secured->{rest}[0]{security}{service}[0]{coding}[0]{code}, 'SMART-on-FHIR', 'and how');

# ---- mode ----

is($t->get('/dev/r4/metadata?mode=full')->body, $text, 'mode=full');
my $normative = $t->get('/dev/r4/metadata?mode=normative')->json;
is_deeply([ sort map { $_->{type} } @{ $normative->{rest}[0]{resource} } ],
    [ qw(Binary Bundle CapabilityStatement CodeSystem Observation OperationDefinition OperationOutcome Parameters
        Patient StructureDefinition ValueSet) ], 'mode=normative');
ok(!(grep { $_->{supportedProfile} } @{ $normative->{rest}[0]{resource} }), 'without US Core');
my $terms = $t->get('/dev/r4/metadata?mode=terminology');
is($terms->json->{resourceType}, 'TerminologyCapabilities', 'mode=terminology');
is($t->fhirctl('validate', write_file(work_dir() . '/terms.json', $terms->body))->{status}, 0, 'it is valid');
my %system = map { $_->{uri} => $_ } @{ $terms->json->{codeSystem} };
cmp_ok(scalar keys %system, '>', 900, 'the code systems');
ok($system{'http://terminology.hl7.org/CodeSystem/v3-NullFlavor'}{subsumption}, 'one with a hierarchy');
for (@{ $terms->json->{expansion}{parameter} }) {
    my $value = { filter => 'ma', offset => 1, count => 1 }->{ $_->{name} } // 'true';
    my $expand = "ValueSet/\$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&$_->{name}=$value";
    is($t->get("/dev/r4/$expand")->status, 200, "\$expand takes $_->{name}");
}
is($t->get('/bare/r4/metadata?mode=terminology')->json->{codeSystem}, undef, 'none without operations');
my $refused = $t->get('/dev/r4/metadata?mode=all');
is($refused->status, 400, 'another mode');
like($refused->body, qr/full, normative and terminology/, 'says which there are');

# ---- search ----

# One resource of each type, without any value to search for.
$t->load(map { { resourceType => $_, id => 'x1', $_ eq 'Bundle' ? (type => 'document') : () } } @types);

# Values that could be there, and are not.
my %PLAUSIBLE = (
    token => 'http://example.org|none', string => 'none', reference => 'Patient/none', date => '1801-02-03',
    number => '987654321.5', quantity => '987654321.5||mg', uri => 'http://example.org/none',
);
my %SPECIAL = (
    near => '42.25|-83.69|1|km', _has => undef, _list => 'none', _filter => '_id eq none', _text => 'none',
    _content => 'none',
);
my %kind_of;
for my $type (@types) { $kind_of{$type}{ $_->{name} } = $_->{type}
    for @{ $of{$type}{searchParam} }, @{ $rest->{searchParam} } }

# A composite takes a value for each part; how many that are, its message tells.
sub plausible {
    my ($type, $name) = @_;
    my $kind = $kind_of{$type}{$name};
    return $SPECIAL{$name} if exists $SPECIAL{$name};
    return $kind eq 'reference' && $of{$type} && $name ne 'patient' ? 'none' : $PLAUSIBLE{$kind};
}

sub escaped { return $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }

sub total {
    my ($path) = @_;
    my $response = $t->get("/dev/r4/$path");
    return $response->status == 200 ? $response->json->{total} : $response->status . ' ' . $response->body;
}

my (@bad, $probed);
for my $type (@types) {
    my @own = grep { !/^_/ } sort keys %{ $kind_of{$type} };
    for my $name (sort keys %{ $kind_of{$type} }) {
        my @values = plausible($type, $name);
        if ($kind_of{$type}{$name} eq 'composite') {
            my $message = $t->get("/dev/r4/$type?$name=x")->body;
            my ($n) = $message =~ /accepts (\d+) values joined/ or push @bad, "$type?$name: $message";
            # each part's value fits one of these kinds of parts
            my @forms = ([]);
            @forms = map { my $head = $_; map { [ @$head, $_ ] } '1801-02-03', 'none', '9876.5' } @forms
                for 1 .. $n // 0;
            @values = map { join '$', @$_ } @forms;
        }
        next if $name eq '_has';
        my @answers = map { total("$type?_summary=count&$name=" . escaped($_)) } @values;
        $probed++;
        push @bad, "$type?$name=$values[0]: $answers[0]" if !grep { $_ eq '0' } @answers;
    }
    # a Bundle has a type, and parameters that ask whether something is there have an answer
    my @missing = grep { $kind_of{$type}{$_} ne 'special'
        and "$type.$_" !~ /^(?:Bundle\.type|Patient\.(?:deceased|birthOrderBoolean))$/ } @own;
    my $found = total("$type?_summary=count&" . join '&', map { "$_:missing=true" } @missing);
    push @bad, map { "$type?$_:missing=true" } grep { total("$type?_summary=count&$_:missing=true") ne '1' } @missing
        if $found ne '1' and @missing;
    push @bad, "$type?nothing= is not refused" if $t->get("/dev/r4/$type?nothing=1")->status != 400;
}
is(join("\n", @bad), '', 'each declared search parameter finds nothing where nothing is, and is known to be missing');
cmp_ok($probed, '>', 2500, 'for all types');

@bad = ();
for my $type (@types) {
    for ([ searchInclude => '_include' ], [ searchRevInclude => '_revinclude' ]) {
        my ($member, $name) = @$_;
        my @values = @{ $of{$type}{$member} || [] };
        while (my @some = splice @values, 0, 20) {
            my $response = $t->get("/dev/r4/$type?_id=x1&" . join '&', map { "$name=$_" } @some);
            push @bad, "$type $name @some: " . $response->body if $response->status != 200
                or @{ $response->json->{entry} } != 1;
        }
    }
    my %combined = map { $_ => 1 } map { split /\+/, s/^combination //r } grep { /^combination/ } keys %{ $all{$type} };
    push @bad, map { "$type: $_ is combined, but not declared" } grep { !$kind_of{$type}{$_} } sort keys %combined;
}
push @bad, 'an include that is not declared' if $t->get('/dev/r4/Patient?_include=Patient:birthdate')->status != 400;
is(join("\n", @bad), '', 'each declared include is understood');
is($t->get("/dev/r4/Patient?_revinclude=$_")->status, 200, "the other way, too: $_")
    for qw(Observation:patient Observation:subject Appointment:actor Coverage:beneficiary Provenance:target);
like($rest->{documentation}, qr/_revinclude/, 'which the statement tells');
@bad = ();
for my $type (@types) {
    push @bad, map { "$type.$_" } grep { !$all{$type}{"param $_"} }
        qw(_content _id _lastUpdated _list _profile _security _source _tag _text);
}
is(join("\n", @bad), '', 'the common parameters are declared for each type');
is_deeply([ grep { $_->{definition} and $_->{definition} =~ m{^http://hl7.org/fhir/SearchParameter/} }
        map { @{ $_->{searchParam} } } @{ $rest->{resource} } ], [], 'parameters of R4 need no definition');

for (@{ $rest->{compartment} }) {
    my $focus = ucfirst s{.*/}{}r;
    is($t->get("/dev/r4/$focus/x1/*?_count=2")->status, 200, "the compartment of $focus");
}
is(scalar @{ $rest->{compartment} }, 5, 'five of them');
is($t->get('/dev/r4/Organization/x1/Patient')->status, 404, 'a compartment that is not declared');

# ---- interactions ----

my $json_patch = [ { op => 'add', path => '/language', value => 'en' } ];
my %patch_type = ('Content-Type' => 'application/json-patch+json');
my %request = (
    read => sub { $t->get("$_[0]/$_[1]/x1") },
    vread => sub { $t->get("$_[0]/$_[1]/x1/_history/1") },
    'history-instance' => sub { $t->get("$_[0]/$_[1]/x1/_history") },
    'history-type' => sub { $t->get("$_[0]/$_[1]/_history?_count=1") },
    'search-type' => sub { $t->get("$_[0]/$_[1]?_count=1") },
    create => sub { $t->post("$_[0]/$_[1]", { resourceType => $_[1] }) },
    update => sub { $t->put("$_[0]/$_[1]/x1", { resourceType => $_[1], id => 'x1', language => 'de' },
        'If-Match' => 'W/"1"') },
    patch => sub { $t->patch("$_[0]/$_[1]/x1", JSON::PP->new->encode($json_patch), %patch_type,
            'If-Match' => $t->get("/dev/r4/$_[1]/x1")->header('ETag')) },
    delete => sub { $t->delete("$_[0]/$_[1]/x1") },
    'search-system' => sub { $t->get("$_[0]?_type=Patient&_id=none") },
    'history-system' => sub { $t->get("$_[0]/_history?_count=1") },
    batch => sub { $t->post($_[0], { resourceType => 'Bundle', type => 'batch' }) },
    transaction => sub { $t->post($_[0], { resourceType => 'Bundle', type => 'transaction' }) },
);
my @of_type = qw(read vread history-instance history-type search-type create update patch delete);
my @of_system = qw(search-system history-system batch transaction);
my %good = (create => 201, delete => 204);

my %invalid;
for ([ '/bare/r4', $bare ], [ '/ro/r4', $reading ], [ '/dev/r4', $full ]) {
    my ($base, $statement) = @$_;
    my $here = $statement->{rest}[0];
    my (@odd, $declared);
    for my $raw (@{ $here->{resource} }) {
        my %declared = map { $_->{code} => 1 } @{ $raw->{interaction} };
        push @odd, map { "$raw->{type}: $_ is unknown" } grep { !$request{$_} } keys %declared;
        # where it is not offered, that does not depend on the type
        for my $code ($base eq '/dev/r4' || $raw->{type} =~ /^P/ ? @of_type : ()) {
            my $status = $request{$code}->($base, $raw->{type})->status;
            my $wanted = $declared{$code} ? $good{$code} || 200 : 405;
            # of most types a resource without any element is invalid, which the interaction finds out
            $invalid{ $raw->{type} } = 1 if $code eq 'create' and $status == 422;
            $wanted = 422 if $invalid{ $raw->{type} } and $code =~ /^(?:create|update|patch)$/;
            push @odd, "$raw->{type}: $code $status, not $wanted" if $status != $wanted;
        }
    }
    my %declared = map { $_->{code} => 1 } @{ $here->{interaction} || [] };
    push @odd, map { "system: $_ is unknown" } grep { !$request{$_} } keys %declared;
    for my $code (@of_system) {
        my $status = $request{$code}->($base)->status;
        my $wanted = $declared{$code} ? 200 : 405;
        push @odd, "system: $code $status, not $wanted" if $status != $wanted;
    }
    is(join("\n", @odd), '', "$base: what is declared is offered, all else is refused");
}
cmp_ok(scalar keys %invalid, '<', 120, 'resources of many types were written');
is_deeply([ map { scalar grep { $_->{searchInclude} } @{ $_->{rest}[0]{resource} } } $bare, $reading, $full ],
    [ 0, 114, 114 ], 'without search there are no includes');
ok(!(grep { $_->{searchParam} or $_->{operation} } @{ $bare->{rest}[0]{resource} }),
    'no search parameters, no operations');

# ---- conditions ----

my @CONDITIONS = qw(conditionalCreate conditionalUpdate conditionalDelete conditionalRead updateCreate readHistory
    versioning);
my ($patient, $patient_put) = map { grep { $_->{type} eq 'Patient' } @{ $_->{rest}[0]{resource} } } $full, $putting;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
is_deeply([ @$patient{@CONDITIONS} ], [ $true, $true, 'multiple', 'full-support', $false, $true, 'versioned-update' ],
    'what a type can do');
is_deeply([ @$patient_put{@CONDITIONS} ], [ undef, $true, undef, undef, $true, $false, 'versioned' ], 'and elsewhere');
is($t->put('/dev/r4/Patient/kept', { resourceType => 'Patient', id => 'kept' }, 'If-Match' => 'W/"1"')->status, 405,
    'no updateCreate');
my $kept = $t->put('/put/r4/Patient/kept', { resourceType => 'Patient', id => 'kept',
        identifier => [ { system => 'urn:s', value => 'v' } ] });
is($kept->status, 201, 'updateCreate');
is($t->post('/dev/r4/Patient', { resourceType => 'Patient' }, 'If-None-Exist' => 'identifier=urn:s|v')->status, 200,
    'conditionalCreate');
is($t->get('/dev/r4/Patient/kept', 'If-None-Match' => 'W/"1"')->status, 304, 'conditionalRead by version');
is($t->get('/dev/r4/Patient/kept', 'If-Modified-Since' => $kept->header('Last-Modified'))->status, 304, 'and by time');
is($t->put('/dev/r4/Patient?identifier=urn:s|v', { resourceType => 'Patient', id => 'kept', active => JSON::PP::true,
            identifier => [ { system => 'urn:s', value => 'v' } ] }, 'If-Match' => 'W/"1"')->status, 200,
            'conditionalUpdate');
is($t->put('/dev/r4/Patient/kept', { resourceType => 'Patient', id => 'kept' })->status, 428, 'versioned-update');

my %patches = (
    'application/json-patch+json' => '[{"op":"add","path":"/gender","value":"male"}]',
    'application/xml-patch+xml' => '<diff xmlns:f="http://hl7.org/fhir"><add sel="f:Patient"><gender '
        . 'xmlns="http://hl7.org/fhir" value="male"/></add></diff>',
    'application/fhir+json' => '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type"'
        . ',"valueCode":"add"},'
        . '{"name":"path","valueString":"Patient"},{"name":"name","valueString":"gender"},{"name":"value",'
            . '"valueCode":"male"}]}]}',
    'application/fhir+xml' => '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        . '<part><name value="type"/><valueCode value="add"/></part><part><name value="path"/><valueString '
            . 'value="Patient"/></part>'
        . '<part><name value="name"/><valueString value="gender"/></part><part><name value="value"/><valueCode '
            . 'value="male"/></part></parameter></Parameters>',
);
is_deeply([ sort @{ $full->{patchFormat} } ], [ sort keys %patches ], 'patch formats');
for (sort keys %patches) {
    my $made = $t->post('/dev/r4/Patient', { resourceType => 'Patient' })->json;
    is($t->patch("/dev/r4/Patient/$made->{id}", $patches{$_}, 'If-Match' => 'W/"1"', 'Content-Type' => $_)->status, 200,
        "a patch as $_");
}
is($t->patch('/dev/r4/Patient/kept', '{}', 'Content-Type' => 'text/plain', 'If-Match' => 'W/"2"')->status, 415,
    'not as text/plain');
for (@{ $full->{format} }) {
    my $response = m{/} ? $t->get('/dev/r4/Patient/kept', Accept => $_) : $t->get("/dev/r4/Patient/kept?_format=$_");
    my $media = /(json|xml)/ ? "application/fhir+$1" : "text/$_";
    like($response->header('Content-Type'), qr{^\Q$media\E}, "format $_");
}
is($t->get('/dev/r4/Patient/kept', Accept => 'text/csv')->status, 406, 'not as text/csv');
is($t->delete('/dev/r4/Patient?active=true')->status, 204, 'conditionalDelete');

# ---- operations ----

my %call = (
    everything => sub { "$_[0]/x2/\$everything" },
    docref => sub { "$_[0]/\$docref?patient=x2" },
    lastn => sub { "$_[0]/\$lastn?patient=x2" },
    expand => sub { "$_[0]/\$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender" },
    'validate-code' => sub { "$_[0]/\$validate-code?"
        . ($_[0] eq 'ValueSet' ? 'url=http://hl7.org/fhir/ValueSet/administrative-gender&system' : 'url')
        . '=http://hl7.org/fhir/administrative-gender&code=male' },
    subsumes => sub { "$_[0]/\$subsumes?system=http://hl7.org/fhir/administrative-gender&codeA=male&codeB=female" },
    translate => sub { "$_[0]/\$translate?code=x" },
    lookup => sub { "$_[0]/\$lookup?system=http://hl7.org/fhir/administrative-gender&code=male" },
);
$t->load(map { { resourceType => $_, id => 'x2' } } qw(Patient Encounter));
@bad = ();
my (%where, $called);
for my $type (@types) {
    my %here = map { $_->{name} => 1 } @{ $of{$type}{operation} };
    for my $name (sort keys %here, keys %call) {
        next if $name eq 'validate';
        push @bad, "$type: \$$name is not known to this test" and next if !$call{$name};
        my $status = $t->get('/dev/r4/' . $call{$name}->($type))->status;
        my $wanted = $here{$name} ? 200 : 404;
        push @bad, "$type: \$$name $status, not $wanted" if $status != $wanted;
        $called++;
    }
    my $status = $t->post("/dev/r4/$type/\$validate", { resourceType => $type })->status;
    push @bad, "$type: \$validate $status" if $status != ($here{validate} ? 200 : 404);
}
push @bad, 'system: ' . $_->{name} for grep { $_->{name} ne 'validate' } @{ $rest->{operation} };
push @bad, 'system: $validate' if $t->post('/dev/r4/$validate', { resourceType => 'Patient' })->status != 200;
push @bad, 'system: $everything' if $t->get('/dev/r4/$everything')->status != 404;
push @bad, '/ro/r4: an operation' if $t->get('/ro/r4/Patient/x2/$everything')->status != 405;
is(join("\n", @bad), '', 'each declared operation runs, all others are refused');
cmp_ok($called, '>=', 146 * 8, 'for each type');

$t->done;
