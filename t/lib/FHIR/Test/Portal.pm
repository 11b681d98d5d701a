# SPDX-License-Identifier: Apache-2.0
# What tests of the portals have in common: a server with a portal whose e-mails go to files, and accounts.
package FHIR::Test::Portal;

use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Browser;
use FHIR::Test::System qw(read_file work_dir write_file);
use MIME::Base64       qw(decode_base64);

# Options: portal (more directives of the Location), conf (more text), world => 0 (nothing is loaded).
sub new {
    my ($class, %options) = @_;
    my $mails = work_dir() . '/mails';
    mkdir $mails;
    chmod 0777, $mails;
    my $script = write_file(work_dir() . "/mail.sh",
        "#!/bin/sh\ncat >'$mails'/\$\$.new && mv '$mails'/\$\$.new '$mails'/\$\$.eml\n");
    chmod 0755, $script;
    my $t = FHIR::Test->new(endpoints => <<"CONF");
FHIRPracticeName "Lakeside Family Practice"
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRInteractions read vread search history create update
</Location>
<Location "/open/r4">
    FHIREndpoint R4 patient
</Location>
<Location "/fhir/dstu2">
    FHIREndpoint DSTU2 provider
    FHIRInteractions read vread search history create update operation
</Location>
<Location "/portal">
    FHIRPortal On
    FHIRPortalSignUp open
    FHIRPortalMail $script
    FHIRPortalFrom portal\@example.org
    @{[ $options{portal} // '' ]}
</Location>
@{[ $options{conf} // '' ]}
CONF
    my $self = bless { t => $t, mails => $mails, base => $t->url('/portal') }, $class;
    if ($options{world} // 1) {
        $self->{world} = world($t);
        $self->{world}->ctl('user', 'add', 'chief', '--kind', 'admin', '--display', 'Dana Chief',
            '--password-file', $self->{world}{file});
    }
    return $self;
}

sub url { my ($self, $path) = @_; return "$self->{base}/$path" }
sub browser { my ($self) = @_; return FHIR::Test::Browser->new($self->{t}->httpd) }

# The e-mails since the last call: [{ to, subject, text, link }].
sub mails {
    my ($self) = @_;
    my @mails;
    for my $file (sort { -M $b <=> -M $a } glob "$self->{mails}/*.eml") {
        my ($head, $body) = split /\n\n/, read_file($file), 2;
        unlink $file;
        my ($to) = $head =~ /^To: <(.*)>$/m;
        my ($subject) = $head =~ /^Subject: =\?UTF-8\?B\?(.*)\?=$/m;
        my $text = decode_base64($body);
        push @mails, { to => $to, head => $head, subject => decode_base64($subject), text => $text,
            link => $text =~ m{(http://\S+)} ? $1 : undef };
    }
    return @mails;
}

# A developer's browser, signed in at the Connect Portal; the account is made if it is not there.
sub developer {
    my ($self, $email) = @_;
    my $browser = $self->browser;
    $browser->get($self->url('connect/join'));
    $browser->press([ _step => 'join' ], email => $email, display => "Dev $email", organization => 'Vital Apps Inc.',
        website => 'https://apps.example', password => $FHIR::Test::Auth::PASSWORD,
        again => $FHIR::Test::Auth::PASSWORD);
    my ($mail) = $self->mails;
    $browser->get($mail->{link});
    $browser->press([ _step => 'confirm' ]);
    return $self->sign_in($browser, 'connect', $email);
}

sub sign_in {
    my ($self, $browser, $page, $user) = @_;
    $browser->get($self->url($page));
    $browser->sign_in($user, $FHIR::Test::Auth::PASSWORD);
    return $browser;
}

sub admin { my ($self) = @_; return $self->sign_in($self->browser, 'licences', 'chief') }

# A new app of a developer: { id, test, production } (its ids).
sub app {
    my ($self, $browser, %fields) = @_;
    $browser->get($self->url('connect/new'));
    my $page = $browser->press([ _step => 'create' ], app => 'Vital Signs', kind => 'secret', staff => 1,
        scope_text => 'launch/patient patient/*.rs offline_access', %fields);
    my ($id) = $browser->{url} =~ /[?&]id=([\w-]+)/ or die "no app was made:\n" . $page->body;
    my %app = (id => $id, page => $page);
    @app{ qw(test production) } = $page->body =~ /name="client" value="([\w-]{16})"/g
        ? map { $page->body =~ /id="$_".*?name="client" value="([\w-]+)"/s } qw(test production) : ();
    return \%app;
}

1;
