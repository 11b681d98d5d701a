# SPDX-License-Identifier: Apache-2.0
# No token reaches a record that its grant does not allow: some twenty thousand generated requests (reads, versions,
# histories, searches with chains, _has, includes, sorting and page links, counts, compartments, $everything,
# batches, conditional and plain writes) by tokens of every kind, of which each answer is compared with an oracle
# of the test's own: a search over the few records that the token may see, in Perl, which knows whose a record is
# because it made it. Each record carries a tag; no answer may hold the tag of a record that is not seen.
# With FHIR_TEST_SHARE=1 these are all; without it every fourth one is asked (every 16th under the sanitizers).
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::System qw(work_dir write_file);
use JSON::PP           ();
use Test::More;

my $share = $ENV{ FHIR_TEST_SHARE } || (FHIR::Test::Httpd::sanitized() ? 16 : 4);
my $json  = JSON::PP->new->utf8->canonical;
my $kinds = {
    fhir => [ 'R4 provider', 'all' ],
    open => [ 'R4 patient',  'all' ],
    few  => [ 'R4 provider', 'all', 'FHIRUserAccess Encounter CareTeam Appointment' ] };
my $endpoints = join '', map {
    my ($kind, $interactions, @more) = @{ $kinds->{ $_ } };
    join "\n", qq(<Location "/$_/r4">), "FHIREndpoint $kind", "FHIRInteractions $interactions",
        'FHIRConditionalDelete single', @more, "</Location>\n"
} sort keys %$kinds;
my $t = FHIR::Test->new(endpoints => $endpoints);

# ---- records, each with its owner: a patient, or several, '' nobody, '?' cannot be told ----

my $LOINC    = 'http://loinc.org';
my $CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
my $PROBLEM  = 'http://terminology.hl7.org/CodeSystem/condition-category';
my (@all, %owner, %record);
sub ref_to  { return { reference => $_[ 0 ] } }
sub concept { return { coding => [ { system => $_[ 0 ], code => $_[ 1 ] } ] } }

sub record {
    my ($whose, $type, $id, %elements) = @_;
    my $r = {
        resourceType => $type,
        id           => $id,
        meta         => { tag => [ { system => 'urn:escape', code => "tag-$id." } ] },
        %elements };
    push @all, $r;
    $owner{ "$type/$id" }  = $whose;
    $record{ "$type/$id" } = $r;
    return;
}
my @patients = qw(p1 p2 p3 p4);
my @time     = (start => '2030-01-01T09:00:00Z', end => '2030-01-01T09:20:00Z');
record('', 'Practitioner',     "d$_",   name => [ { family => "Doctor$_" } ]) for 1, 2;
record('', 'PractitionerRole', 'role1', practitioner => ref_to('Practitioner/d1'));
record('', 'Organization',     'org',   name         => 'Lakeside');
record('', 'Location',         'loc',   name         => 'Ward');
record('', 'Medication',       'm',     code         => concept('urn:m', 'pill'));
my $n = 0;
for my $p (@patients) {
    my $other  = $patients[ ++$n % @patients ];
    my $own    = ref_to("Patient/$p");
    my @about  = (subject => $own);
    my $doctor = ref_to('Practitioner/' . ($p eq 'p1' ? 'd1' : 'd2'));
    record(
        $p, 'Patient', $p,
        name                => [ { family => "Family$p", given => [ "Given$p" ] } ],
        gender              => $n % 2 ? 'female' : 'male',
        birthDate           => "19${n}0-01-01",
        identifier          => [ { system => 'urn:mrn', value => "mrn-$p" } ],
        generalPractitioner => [ $doctor ],
        link                => [ { other => ref_to("Patient/$other"), type => 'seealso' } ]);
    record(
        $p, 'Encounter', "$p-enc",
        status => 'finished',
        class  => { code => 'AMB' },
        @about,
        participant     => [ { individual => $doctor } ],
        serviceProvider => ref_to('Organization/org'));
    for my $i (1 .. 4) {
        record(
            $p,
            'Observation',
            "$p-obs$i",
            status => $i == 4 ? 'amended' : 'final',
            @about,
            encounter         => ref_to("Encounter/$p-enc"),
            category          => [ concept($CATEGORY, $i % 2 ? 'laboratory' : 'vital-signs') ],
            code              => concept($LOINC,      $i > 2 ? "$n-8"       : '1-8'),
            effectiveDateTime => sprintf('20%02d-0%d-01', 10 + $n, $i),
            performer         => [ $doctor, $i == 3 ? ref_to("Patient/$other") : () ]);
    }
    for my $i (1, 2) {
        record(
            $p,
            'Condition',
            "$p-cond$i",
            @about,
            category => [ concept($PROBLEM, $i == 1 ? 'problem-list-item' : 'encounter-diagnosis') ],
            code     => concept('urn:c', "cond$i-$p"),
            asserter => ref_to($i == 1 ? "Patient/$other" : $doctor->{ reference }),
            $i == 2 ? (encounter => ref_to("Encounter/$p-enc")) : ());
    }
    record($p, 'MedicationRequest', "$p-med", status => 'active', intent => 'order', @about, requester => $doctor,
        medicationReference => ref_to('Medication/m'));
    record(
        $p, 'DocumentReference', "$p-doc",
        status => 'current',
        @about,
        type    => concept($LOINC, '34133-9'),
        author  => [ $doctor ],
        content => [ { attachment => { url => "Binary/$p-bin" } } ]);
    record(
        $p, 'Binary', "$p-bin",
        contentType     => 'text/plain',
        data            => 'c2VjcmV0',
        securityContext => $own);
    record(
        $p, 'Provenance', "$p-prov",
        recorded => '2020-01-01T00:00:00Z',
        target   => [ map { ref_to($_) } "Observation/$p-obs1", "Condition/$p-cond1" ],
        agent    => [ { who => $doctor } ]);
    record($p, 'RelatedPerson', "$p-rel", patient => $own, name => [ { family => "Related$p" } ]);
    record(
        $p, 'Coverage', "$p-cov",
        status      => 'active',
        beneficiary => $own,
        payor       => [ ref_to('Organization/org') ]);
    record(
        $p, 'Appointment', "$p-app",
        status      => $p eq 'p3' ? 'cancelled' : 'booked',
        @time,
        participant => [
            map { { actor => $_, status => 'accepted' } } $own,
            ref_to('Practitioner/' . ($p =~ /[34]/ ? 'd1' : 'd2')) ]);
    record(
        $p, 'CareTeam', "$p-team",
        status => 'active',
        @about, participant => [ { member => $p eq 'p2' ? ref_to('PractitionerRole/role1') : $doctor } ]);
    record($p, 'Device', "$p-dev", patient => $own);
    record(
        $p, 'AllergyIntolerance', "$p-all",
        clinicalStatus => concept('http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', 'active'),
        patient  => $own,
        code     => concept('urn:a', "nut-$p"),
        recorder => $doctor);
    record(
        $p, 'DiagnosticReport', "$p-rep",
        status => 'final',
        @about,
        code   => concept($LOINC, '58410-2'),
        result => [ ref_to("Observation/$p-obs1"), ref_to("Observation/$p-obs3") ]);
    record($p, 'Group', "$p-group", type => 'person', actual => JSON::PP::true, member => [ { entity => $own } ]);
    record(
        $p, 'List', "$p-list",
        status => 'current',
        mode   => 'working',
        @about, entry => [ map { { item => ref_to("Observation/$_-obs1") } } $p, $other ]);
}
record(
    '?', 'Group', 'z-group',
    type   => 'person',
    actual => JSON::PP::true,
    member => [ map { { entity => ref_to("Patient/$_") } } qw(p1 p2) ]);
record(
    '?', 'Appointment', 'z-app',
    status      => 'booked',
    @time,
    participant => [ map { { actor => ref_to("Patient/$_"), status => 'accepted' } } qw(p1 p2) ]);
record(
    'p1 p2', 'Provenance', 'z-prov',
    recorded => '2020-01-01T00:00:00Z',
    target   => [ map { ref_to("Observation/$_-obs1") } qw(p1 p2) ],
    agent    => [ { who => ref_to('Practitioner/d1') } ]);
record('?', 'Binary', 'z-bin', contentType => 'text/plain', data => 'c2VjcmV0');
$t->load(@all);
my $sums   = join ' UNION ALL ',
    map { "SELECT '$_', count(*), sum(version) FROM main.$_" } qw(patient observation device);
my $before = $t->psql($sums);

# ---- tokens ----

my $callback = $FHIR::Test::Auth::CALLBACK;
my $password = write_file(work_dir() . '/password', "$FHIR::Test::Auth::PASSWORD\n");
sub ctl { my $done = $t->fhirctl(@_); die "fhirctl @_: $done->{err}" if $done->{ status }; return $done->{ out } }
ctl(qw(app add App --id app --public --redirect), $callback, '--licence');
ctl(qw(user add doctor --kind staff --resource Practitioner/d1 --password-file), $password);
ctl(qw(user add person --kind patient --resource Patient/p1 --password-file),    $password);
my $vital = "category=$CATEGORY|vital-signs";
my $lab   = "category=$CATEGORY|laboratory";
my $list  = "category=$PROBLEM|problem-list-item";

# endpoint, user (doctor, person, - for a program), patient, scopes
my @tokens = (
    [ 'open', 'person', 'p1', 'launch/patient patient/*.rs' ],
    [ 'open', 'person', 'p2', 'launch/patient patient/*.read openid fhirUser' ],
    [ 'open', 'person', 'p1', "patient/Patient.rs patient/Observation.rs?$vital" ],
    [ 'open', 'person', 'p3', "patient/Observation.rs?$lab patient/Condition.rs?$list patient/Practitioner.rs" ],
    [ 'open', 'person', 'p1', 'patient/Observation.r patient/Observation.s patient/Condition.read patient/Device.c' ],
    [ 'open', 'person', 'p2', 'patient/Patient.s patient/Observation.s patient/Encounter.r' ],
    [ 'open', 'person', 'p2', 'launch/patient user/*.read' ],
    [ 'open', 'person', 'p4', 'patient/*.cruds' ],
    [ 'fhir', 'doctor', 'p1', 'patient/*.rs user/Practitioner.rs' ],
    [ 'fhir', 'doctor', 'p3', "patient/*.* user/Observation.rs?$lab&status=final user/Practitioner.r" ],
    [ 'fhir', 'doctor', '',   'user/*.rs' ],
    [ 'fhir', 'doctor', '',   "user/Patient.read user/Observation.rs?$lab user/Encounter.s" ],
    [ 'fhir', 'doctor', '',   'patient/*.rs' ],
    [ 'fhir', '-',      '',   'system/*.read' ],
    [ 'fhir', '-',      '',   "system/Patient.rs?gender=female system/Observation.s system/Observation.r?$vital" ],
    [ 'few',  'doctor', '',   'user/*.rs' ],
    [ 'few',  'doctor', '',   "user/Patient.read user/Observation.rs?$lab user/*.cud" ],
    [ 'few',  'doctor', 'p3', 'patient/Observation.rs user/Patient.rs user/Practitioner.rs' ]);
for my $i (0 .. $#tokens) {
    my ($place, $user, $patient, $scopes) = @{ $tokens[ $i ] };
    my $url = $t->url("/$place/r4");
    $t->psql(
        qq{WITH a AS (INSERT INTO main.fhir_authorization (client, user_id, place, issuer, scopes, patient)
            VALUES ('app', (SELECT id FROM main.fhir_user WHERE name = '$user'), '/$place/r4', '$url', '$scopes',
            nullif('$patient', '')) RETURNING id)
        INSERT INTO main.fhir_token (digest, authorization_id, kind, scopes, expires)
            SELECT sha256('token$i'::bytea), id, 'access', '$scopes', now() + interval '1 hour' FROM a}
    );
}

# ---- the oracle: what a token sees ----

my %mine = map { $_ => 1 } qw(p1 p2 p4);    # of doctor: by an encounter, by a role in a team, by an appointment

# What a scope's condition, or a search, says of a record: parameters as functions of it.
sub codes {
    my ($path) = @_;
    return sub { map { map { $_->{ code } } @{ $_->{ coding } } } map { ref eq 'ARRAY' ? @$_ : $_ // () }
            $_[ 0 ]{ $path } };
}
sub refs {
    my @path = @_;
    return sub {
        my @at = $_[ 0 ];
        for my $step (@path) { @at = map { my $v = $_->{ $step }; ref $v eq 'ARRAY' ? @$v : $v // () } @at }
        return map { $_->{ reference } // () } @at;
    };
}
sub plain { my ($name) = @_; return sub { $_[ 0 ]{ $name } // () } }
my $patient_only = sub { my ($refs) = @_; return sub { grep { /^Patient/ } $refs->(@_) } };
my $subject      = [ ref => refs('subject') ];
my %about        = (patient => $subject, subject => $subject);
my %param        = (
    Patient => {
        family                => [ text => sub { map { $_->{ family } } @{ $_[ 0 ]{ name } } } ],
        gender                => [ code => plain('gender') ],
        birthdate             => [ date => plain('birthDate') ],
        identifier            => [ code => sub { map { $_->{ value } } @{ $_[ 0 ]{ identifier } } } ],
        'general-practitioner' => [ ref => refs('generalPractitioner') ],
        link                  => [ ref => refs('link', 'other') ] },
    Observation => {
        %about,
        performer => [ ref  => refs('performer') ],
        encounter => [ ref  => refs('encounter') ],
        category  => [ code => codes('category') ],
        code      => [ code => codes('code') ],
        status    => [ code => plain('status') ],
        date      => [ date => plain('effectiveDateTime') ] },
    Condition => {
        %about,
        asserter  => [ ref  => refs('asserter') ],
        encounter => [ ref  => refs('encounter') ],
        category  => [ code => codes('category') ],
        code      => [ code => codes('code') ] },
    Encounter => {
        %about,
        participant        => [ ref  => refs('participant', 'individual') ],
        'service-provider' => [ ref  => refs('serviceProvider') ],
        status             => [ code => plain('status') ] },
    MedicationRequest => {
        %about,
        medication => [ ref  => refs('medicationReference') ],
        requester  => [ ref  => refs('requester') ],
        status     => [ code => plain('status') ] },
    DocumentReference  => { %about, author => [ ref => refs('author') ], type => [ code => codes('type') ] },
    Provenance         => { target => [ ref => refs('target') ],  agent  => [ ref => refs('agent', 'who') ] },
    RelatedPerson      => { patient     => [ ref => refs('patient') ] },
    Coverage           => { beneficiary => [ ref => refs('beneficiary') ], payor => [ ref => refs('payor') ] },
    Appointment        => {
        actor   => [ ref  => refs('participant', 'actor') ],
        patient => [ ref  => $patient_only->(refs('participant', 'actor')) ],
        status  => [ code => plain('status') ] },
    CareTeam           => { %about, participant => [ ref => refs('participant', 'member') ] },
    Device             => { patient => [ ref => refs('patient') ] },
    AllergyIntolerance => {
        patient  => [ ref  => refs('patient') ],
        recorder => [ ref  => refs('recorder') ],
        code     => [ code => codes('code') ] },
    DiagnosticReport => { %about, result => [ ref => refs('result') ], code => [ code => codes('code') ] },
    Group            => { member => [ ref => refs('member', 'entity') ] },
    List             => { %about, item => [ ref => refs('entry', 'item') ] },
    Practitioner     => { family       => [ text => sub { map { $_->{ family } } @{ $_[ 0 ]{ name } } } ] },
    PractitionerRole => { practitioner => [ ref  => refs('practitioner') ] },
    Organization     => { name         => [ text => plain('name') ] },
    Location         => { name         => [ text => plain('name') ] },
    Medication       => { code         => [ code => codes('code') ] },
    Binary           => {});

sub holds {    # one value of a parameter, without its references' targets
    my ($r, $name, $value) = @_;
    return $r->{ id } eq $value if $name eq '_id';
    my ($kind, $values) = @{ $param{ $r->{ resourceType } }{ $name } };
    my @values = $values->($r);
    if ($kind eq 'ref')  { return scalar grep { $_ eq $value or $_ eq "Patient/$value" } @values }
    if ($kind eq 'text') { return scalar grep { /^\Q$value\E/i } @values }
    if ($kind eq 'date') {
        my ($prefix, $date) = $value =~ /^(ge|lt)?(.*)/;
        return scalar grep { !$prefix ? index($_, $date) == 0 : $prefix eq 'ge' ? $_ ge $date : $_ lt $date } @values;
    }
    return scalar grep { $_ eq $value =~ s/.*\|//r } @values;
}

my %rights = (read => 'rs', write => 'cud', '*' => 'cruds');

# The scopes of a token that give a right on a type: list of conditions on a record.
sub covering {
    my ($token, $type, $right) = @_;
    my ($place, $user, $patient, $scopes) = @$token;
    my @conditions;
    for my $scope (split / /, $scopes) {
        my ($level, $of, $rights, $query) = $scope =~ m{^(patient|user|system)/(\*|\w+)\.(\*|\w+)(?:\?(.*))?$} or next;
        next unless $of eq '*' or $of eq $type;
        next unless index($rights{ $rights } // $rights, $right) >= 0;
        my $whose = $level eq 'patient' || $user eq 'person' ? 'patient' : $place eq 'few' ? 'related' : 'all';
        next if $level eq 'patient' and $patient eq '';
        push @conditions, sub {
            my ($r)   = @_;
            my $owner = $owner{ "$r->{resourceType}/$r->{id}" };
            return 0 if $whose eq 'patient' and $owner ne '' and $owner ne $patient;
            return 0 if $whose eq 'related' and grep { !$mine{ $_ } } split / /, $owner;
            for (split /&/, $query // '') { my ($name, $value) = split /=/; return 0 unless holds($r, $name, $value) }
            return 1;
        };
    }
    push @conditions, sub { $_[ 0 ]{ id } eq 'p1' }
        if $type eq 'Patient' and $right eq 'r' and $scopes =~ /fhirUser/;
    return @conditions;
}

sub seen {
    my ($token, $right, $r) = @_;
    return scalar grep { $_->($r) } covering($token, $r->{ resourceType }, $right);
}

# ---- the oracle: what is found ----

# A search: { type, where => [ [ name, value ] | [ chain => ref, target type, name, value ] |
# [ has => type, ref, name, value ] … ], include => [ [ ref ] ], revinclude => [ [ type, ref ] ] }
sub find {
    my ($token, $search) = @_;
    my @found = grep { $_->{ resourceType } eq $search->{ type } and seen($token, 's', $_) } @all;
    for my $w (@{ $search->{ where } }) {
        if ($w->[ 0 ] eq 'chain') {
            my (undef, $ref, $type, $name, $value) = @$w;
            my %target = map { ("$type/$_->{id}" => 1) }
                find($token, { type => $type, where => [ [ $name, $value ] ] });
            @found = grep { grep { $target{ $_ } } $param{ $_->{ resourceType } }{ $ref }[ 1 ]->($_) } @found;
        }
        elsif ($w->[ 0 ] eq 'has') {
            my (undef, $type, $ref, $name, $value) = @$w;
            my %named = map { $_ => 1 } map { $param{ $type }{ $ref }[ 1 ]->($_) }
                find($token, { type => $type, where => [ [ $name, $value ] ] });
            @found = grep { $named{ "$_->{resourceType}/$_->{id}" } } @found;
        }
        else { @found = grep { holds($_, @$w) } @found }
    }
    return @found;
}

sub include {
    my ($token, $search, @found) = @_;
    my %there = map { ("$_->{resourceType}/$_->{id}" => 1) } @found;
    my @more;    # what is named must be read, what names must be found
    for my $ref (@{ $search->{ include } || [] }) {
        push @more, grep { seen($token, 'r', $_) } map { $record{ $_ } // () }
            map { $param{ $search->{ type } }{ $ref }[ 1 ]->($_) } @found;
    }
    for (@{ $search->{ revinclude } || [] }) {
        my ($type, $ref) = @$_;
        push @more, grep {
                    $_->{ resourceType } eq $type
                and seen($token, 's', $_)
                and grep { $there{ $_ } } $param{ $type }{ $ref }[ 1 ]->($_)
        } @all;
    }
    return grep { !$there{ "$_->{resourceType}/$_->{id}" }++ } @more;
}

sub url_of {
    my ($search) = @_;
    my @pairs = (
        (   map {
                $_->[ 0 ] eq 'chain' ? "$_->[1]:$_->[2].$_->[3]=$_->[4]"
                    : $_->[ 0 ] eq 'has' ? "_has:$_->[1]:$_->[2]:$_->[3]=$_->[4]" : "$_->[0]=$_->[1]"
            } @{ $search->{ where } }),
        (map { "_include=$search->{type}:$_" } @{ $search->{ include } || [] }),
        (map { "_revinclude=" . join ':', @$_ } @{ $search->{ revinclude } || [] }),
        @{ $search->{ more } || [] });
    return "$search->{type}?" . join('&', @pairs) =~ s/\|/%7C/gr;
}

# ---- requests ----

my @types = sort keys %param;
my @searches;
for my $type (@types) {
    push @searches, map { { type => $type, where => [], more => $_ } } [],
        [ '_summary=count' ], [ '_total=accurate', '_count=1' ], [ '_count=3' ], [ '_sort=-_id', '_count=2' ];
    for my $name (sort keys %{ $param{ $type } }) {
        my ($kind, $values) = @{ $param{ $type }{ $name } };
        my %value = map { $_ => 1 } map { $values->($_) } grep { $_->{ resourceType } eq $type } @all;
        delete $value{ $_ } for $name eq 'patient' ? grep { !/^Patient/ } keys %value : ();
        my @value = sort keys %value;
        push @searches, map { { type => $type, where => [ [ $name, $_ ] ] } } @value;
        push @searches, map { { type => $type, where => [ [ $name, "$_$value[ $#value / 2 ]" ] ] } } qw(ge lt)
            if $kind eq 'date';
        next unless $kind eq 'ref';
        push @searches, { type => $type, where => [], include => [ $name ] } unless $name eq 'patient';

        # along the reference, and back
        my %target = map { (split m{/})[ 0 ], 1 } @value;
        for my $target (sort keys %target) {
            for my $condition (
                $target eq 'Patient'        ? ([ family => 'FamilyP2' ], [ gender => 'female' ], [ _id => 'p1' ])
                : $target eq 'Practitioner' ? ([ family => 'Doctor1' ])
                : $target eq 'Encounter'    ? ([ patient => 'p2' ], [ status => 'finished' ])
                : $target eq 'Observation'  ? ([ code => '2-8' ], [ category => 'laboratory' ], [ patient => 'p1' ])
                : $target eq 'Condition'    ? ([ code => 'cond1-p2' ])
                : ()
            ) {
                push @searches, { type => $type, where => [ [ chain => $name, $target, @$condition ] ] };
            }
            next if $name eq 'patient';
            push @searches, { type => $target, where => [], revinclude => [ [ $type, $name ] ] };
            my @id = map { $_->{ id } } grep { $_->{ resourceType } eq $type } @all;
            push @searches, map { { type => $target, where => [ [ has => $type, $name, _id => $_ ] ] } }
                @id[ grep { $_ <= $#id } 0, 1, 5 ];
            push @searches,
                map { { type => $target, where => [ [ has => $type, $name, @$_ ] ] } }
                $type eq 'Observation' ? ([ code => '2-8' ], [ patient => 'p2' ], [ category => 'laboratory' ])
                : $type eq 'Condition' ? ([ code => 'cond1-p2' ])
                : $type eq 'Patient'   ? ([ gender => 'male' ])
                :                        ();
        }
    }
}
# two conditions, every pair of a sample
push @searches, map {
    { type => 'Observation', where => [ [ patient => $_->[ 0 ] ], [ @$_[ 1, 2 ] ] ] }
} map { my $p = $_; map { [ $p, @$_ ] } [ category => 'laboratory' ], [ code => '1-8' ], [ performer => 'Patient/p2' ] }
    @patients, 'none';

my ($asked, @differ, %statuses) = (0);

sub ask {
    my ($token, $method, $path, $content, %headers) = @_;
    my ($number, $place) = ($token->[ 4 ], $token->[ 0 ]);
    my $answer = $t->request(
        $method => "/$place/r4/$path",
        headers => { bearer("token$number"), %headers },
        defined $content ? (content => $content) : ());
    $asked++;
    $statuses{ $answer->status }++;
    note("$method $path by $number: 201 " . $answer->body) if $answer->status == 201;
    return $answer;
}

sub differs {
    my ($token, $what, $got, $want) = @_;
    push @differ, "[$token->[0] $token->[1] $token->[2] $token->[3]] $what\n  got:  $got\n  want: $want"
        if $got ne $want;
    return;
}

# Nothing of what is not seen is in an answer, whatever was asked.
sub no_tags {
    my ($token, $what, $answer) = @_;
    my %tag = map { $_ => 1 } $answer->body =~ /tag-([\w-]+)\./g;
    for my $r (grep { $tag{ $_->{ id } } } @all) {
        differs($token, "$what holds $r->{resourceType}/$r->{id}", 'a record', 'nothing')
            unless seen($token, 'r', $r) or seen($token, 's', $r);
    }
    return;
}

sub found_of {
    my ($answer) = @_;
    return map { "$_->{resourceType}/$_->{id}" }
        grep { $_->{ resourceType } ne 'OperationOutcome' } map { $_->{ resource } // () } @{ $_[ 0 ]{ entry } || [] };
}

sub check_search {
    my ($token, $search) = @_;
    my $url    = url_of($search);
    my $answer = ask($token, GET => $url);
    no_tags($token, $url, $answer);
    if (!covering($token, $search->{ type }, 's')) {
        differs($token, $url, $answer->status, 403);
        return;
    }
    my $bundle = eval { $json->decode($answer->body) } || {};
    my @want   = find($token, $search);
    my $want   = join ' ', sort map { "$_->{resourceType}/$_->{id}" } @want, include($token, $search, @want);
    if ("@{ $search->{more} || [] }" =~ /_summary=count|_total/) {
        differs($token, $url, $bundle->{ total } // $answer->status, scalar @want);
        return if $url =~ /_summary/;
    }
    my @found = found_of($bundle);
    for (1 .. 200) {    # to the end of the pages
        my ($next) = map { $_->{ url } } grep { $_->{ relation } eq 'next' } @{ $bundle->{ link } || [] };
        last unless $next;
        $bundle = ask($token, GET => $next =~ s{.*?/r4/}{}r)->json;
        push @found, found_of($bundle);
    }
    differs($token, $url, $answer->status . ' ' . join(' ', sort @found), "200 $want");
    return;
}

# A record that is not seen is answered as one that does not exist, in status and body.
sub as_missing {
    my ($token, $method, $path, $r, @body) = @_;
    my $name = "$r->{resourceType}/$r->{id}";
    my $gone = "$r->{resourceType}/none";
    my $foreign = ask($token, $method, $path =~ s/NAME/$name/r, map { ref ? { %$_, id => $r->{ id } } : $_ } @body);
    my $missing = ask($token, $method, $path =~ s/NAME/$gone/r, map { ref ? { %$_, id => 'none' } : $_ } @body);
    my ($got, $want) = map { $_->status . ' ' . $_->body =~ s/\b(?:none|\Q$r->{id}\E)\b/ID/gr
            =~ s/"(?:lastUpdated|_cursor)":"[^"]*"//gr } $foreign, $missing;
    differs($token, "$method $path for $name", substr($got, 0, 300), substr($want, 0, 300));
    return;
}

my $turn = 0;
for my $i (0 .. $#tokens) {
    my $token = $tokens[ $i ];
    $token->[ 4 ] = $i;
    for my $search (@searches) { check_search($token, $search) unless $turn++ % $share }
    for my $r (@all) {
        next if $turn++ % $share;
        my $name     = "$r->{resourceType}/$r->{id}";
        my $may      = covering($token, $r->{ resourceType }, 'r');
        my $is_seen  = seen($token, 'r', $r);
        my $answer   = ask($token, GET => $name);
        differs($token, "GET $name", $answer->status, !$may ? 403 : $is_seen ? 200 : 404);
        no_tags($token, "GET $name", $answer);
        if ($may and !$is_seen) {
            as_missing($token, GET => $_, $r)
                for 'NAME', 'NAME/_history', 'NAME/_history/1', 'NAME/_history?_count=1', 'NAME?_format=xml';
            as_missing($token, GET => 'NAME/$everything', $r)  if $r->{ resourceType } =~ /^(?:Patient|Encounter)$/;
            as_missing($token, GET => 'NAME/Coverage', $r)     if $r->{ resourceType } eq 'Patient';
        }
        # nor can it be changed, nor found out by trying to
        next if seen($token, 'u', $r) or $r->{ resourceType } eq 'Binary';
        my $can = covering($token, $r->{ resourceType }, 'u');
        differs($token, "PUT $name", ask($token, PUT => $name, $r, 'If-Match' => 'W/"1"')->status, $can ? 404 : 403)
            if !$is_seen or !$can;
        differs($token, "DELETE $name", ask($token, DELETE => $name)->status,
            covering($token, $r->{ resourceType }, 'd') ? 404 : 403)
            if !$is_seen or !covering($token, $r->{ resourceType }, 'd');
    }
    # what takes in many records: all that comes out is seen
    for my $path (
        (   map { ("Patient/$_/\$everything", "Patient/$_/Observation", "Patient/$_/*", "Patient/$_/_history") }
                @patients
        ),
        (map { "$_/_history?_count=100" } @types),
        '_history?_count=200',
        '?_type=Patient,Observation,Condition,Provenance&_count=100',
        'Observation/$lastn?patient=p1,p2,p3,p4',
        (map { "Observation?_list=$_-list" } @patients),
        'Practitioner?_revinclude=*&_include=*&_count=50',
        'Patient?_revinclude=*&_include:iterate=*&_count=50',
        'Observation?_filter=performer:Patient.family sw Fam' =~ s/ /%20/gr,
        'Condition?_filter=not (code eq x)' =~ s/ /%20/gr,
        (map { "DocumentReference/\$docref?patient=$_" } @patients)
    ) {
        no_tags($token, "GET $path", ask($token, GET => $path)) unless $turn++ % $share;
    }
    # entries of a batch are judged one by one
    for my $p (@patients) {
        my @urls = ("Patient/$p", "Observation?patient=$p", "Observation/$p-obs1/_history",
            "Practitioner?_has:Observation:performer:patient=$p");
        my $answer = ask($token, POST => '',
            {   resourceType => 'Bundle',
                type         => 'batch',
                entry        => [ map { { request => { method => 'GET', url => $_ } } } @urls ] });
        no_tags($token, "batch of $p", $answer);
        my @single = map { ask($token, GET => $_)->status } @urls;
        my @got    = map { $_->{ response }{ status } =~ /^(\d+)/ } @{ $answer->json->{ entry } || [] };
        differs($token, "batch of $p", "@got", "@single");
    }
    # a search by POST is the same search
    for my $p (@patients) {
        my @two = map { join ' ', sort { $a cmp $b } found_of($_->json) } ask($token, GET => "Observation?patient=$p"),
            ask($token, POST => 'Observation/_search', "patient=$p",
                'Content-Type' => 'application/x-www-form-urlencoded');
        differs($token, "POST _search of $p", reverse @two);
    }
    # conditions of writes show nothing: the same answer for what is not seen and what is not there
    for my $p (grep { $_ ne $token->[ 2 ] and !seen($token, 's', $record{ "Patient/$_" }) } @patients) {
        my $observation = sub { { resourceType => 'Observation', status => 'final', code => { text => 'x' },
                subject => ref_to("Patient/$_[0]") } };
        my @pair = map {
            my $q = $_;
            join ' ', map { $_->status } ask($token, POST => 'Observation', $observation->($q)),
                ask($token, PUT => "Observation?patient=$q&status=amended", $observation->($q)),
                ask($token, DELETE => "Observation?patient=$q&status=amended"),
                ask($token, POST => 'Device', { resourceType => 'Device', patient => ref_to("Patient/$q") }),
                ask($token, POST => 'Patient', { resourceType => 'Patient', active => JSON::PP::true },
                    'If-None-Exist' => "identifier=urn:mrn%7Cmrn-$q")
        } $p, 'none';
        differs($token, "writes with conditions on $p", @pair);
    }
}

# page links are sealed for the token that got them
{
    my $page   = ask($tokens[ 10 ], GET => 'Observation?_count=2')->json;
    my ($next) = map { $_->{ url } =~ s{.*?/r4/}{}r } grep { $_->{ relation } eq 'next' } @{ $page->{ link } };
    differs($tokens[ $_ ], 'the page link of another', ask($tokens[ $_ ], GET => $next)->status, 400)
        for grep { $_ != 10 and covering($tokens[ $_ ], 'Observation', 's') } 0 .. $#tokens;
}

# ---- the judgement ----

diag(scalar(@differ) . " differences; the first:\n" . join "\n", @differ[ 0 .. ($#differ < 14 ? $#differ : 14) ])
    if @differ;
is(scalar @differ, 0, "$asked requests by " . scalar(@tokens) . ' tokens: as the oracle says');
cmp_ok($asked, '>=', 20_000 / $share, 'twenty thousand requests' . ($share > 1 ? ", a ${share}th of them" : ''));
is(join(' ', grep { /^5/ } sort keys %statuses), '', 'none failed');
is($t->psql($sums), $before, 'nothing was written');
note join ', ', map { "$_: $statuses{$_}" } sort keys %statuses;
$t->done;
